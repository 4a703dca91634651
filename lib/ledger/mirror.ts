import { z } from "zod";
import { parseDay, type Day } from "../model/day.ts";
import { parseSegmentId } from "../model/segments.ts";
import { parseSeriesId, seriesId, type SeriesId } from "../model/series.ts";
import { unitText, type MirroredUnit, type RowKey, type StoredRow } from "./coverage-source.ts";
import type { LedgerFile } from "./file.ts";
import { MirrorRows, type RowChange } from "./mirror-rows.ts";
import { MirrorUnits } from "./mirror-units.ts";
import { isSameSums, type Sums } from "./sums.ts";

const findingRow = z
  .object({
    series: z.string().transform((text) => seriesId(parseSeriesId(text))),
    segment: z.string().transform(parseSegmentId),
    build: z.coerce.number(),
    missing: z.coerce.number(),
    changed: z.coerce.number(),
    doubled: z.coerce.number(),
    again: z.coerce.number(),
    replaced_by: z.coerce.number().nullable(),
  })
  .transform(({ series, segment, build, again, replaced_by: by, ...counts }) => ({
    unit: { series, segment, build },
    ...counts,
    /** For each row that is missing the store has another one of the same build, up to the same id, that comes to the same bars. */
    isMadeGood: again === counts.missing && counts.changed === 0 && counts.doubled === 0,
    /** The newer build that readers saw instead of this one at the last sync; undefined where it is read, or may come to be. */
    replacedBy: by ?? undefined,
  }));

/** Aggregate-trade ids, both ends inclusive. */
export interface IdRange {
  readonly fromId: bigint;
  readonly throughId: bigint;
}

const lostRow = z
  .object({
    series: z.string().transform((text) => seriesId(parseSeriesId(text))),
    segment: z.string().transform(parseSegmentId),
    build: z.coerce.number(),
    from_id: z.bigint(),
    through_id: z.bigint(),
  })
  .transform(({ series, segment, build, from_id: fromId, through_id: throughId }) => ({
    unit: { series, segment, build } satisfies MirroredUnit,
    fromId,
    throughId,
  }));

/**
 * Where a unit's coverage in the store is not what the ledger has seen there. `missing` rows are gone from the store: the ledger is
 * ahead. `changed` rows have other contents than before; `doubled` ones are there more than once.
 */
export type Divergence = Readonly<z.output<typeof findingRow>>;

/** Why nobody misses anything of a build any more; undefined where something of it is missed. */
export function endOfDivergence({ replacedBy, isMadeGood }: Divergence): string | undefined {
  if (replacedBy !== undefined) return `build ${replacedBy} has taken its place`;
  return isMadeGood ? "the same bars are there again" : undefined;
}

/** Divergences of which something is missed. */
export function standingDivergences(divergences: readonly Divergence[]): Divergence[] {
  return divergences.filter((one) => endOfDivergence(one) === undefined);
}

const keyRow = z.object({ attempt: z.bigint(), part: z.bigint() });
const dayRow = z.object({ day: z.string().transform(parseDay) });
const sumRow = z.object({ rows: z.coerce.number() });
const totalsRow = z.object({ units: z.bigint(), rows: z.bigint(), checkpoints: z.bigint(), gone: z.bigint() });

/** The ledger's copy of the store's coverage, and of each unit's newest checkpoint. Rows are never deleted. */
export class Mirror {
  readonly units: MirrorUnits;
  readonly #file: LedgerFile;
  readonly #rows: MirrorRows;

  constructor(file: LedgerFile) {
    this.#file = file;
    this.units = new MirrorUnits(file);
    this.#rows = new MirrorRows(file);
  }

  /** The last row of a unit that the store is known to hold. */
  newest(unit: bigint): RowKey | undefined {
    return this.#file.row(
      "SELECT attempt, part FROM mirror_coverage WHERE unit = ? AND gone_as IS NULL ORDER BY attempt DESC, part DESC LIMIT 1",
      keyRow,
      unit,
    );
  }

  /**
   * Adds rows of a unit that the store holds, in one transaction. Rows that are there already change nothing.
   * @param seq the journal's row of the sync that saw them
   */
  add(unit: bigint, rows: readonly StoredRow[], seq: bigint): RowChange {
    return this.#file.transaction(() => {
      const change = this.#rows.putAll(unit, rows, seq);
      this.units.move(unit, change);
      this.#keepCheckpoint(unit, rows);
      return change;
    });
  }

  /**
   * Compares a stretch of a unit's keys with all that the store holds there, in one transaction: what is new is added, what the
   * store no longer holds, or holds with other contents, is flagged.
   * @param rows the store's rows behind `after` up to `through`; without `through` up to the end
   * @param expected the unit's sums as this caller left them
   * @returns undefined where another process has moved them since, and nothing was done
   */
  compare(
    unit: bigint,
    rows: readonly StoredRow[],
    stretch: { readonly after: RowKey | undefined; readonly through: RowKey | undefined },
    expected: Sums,
    seq: bigint,
  ): { readonly change: RowChange; readonly sums: Sums } | undefined {
    return this.#file.transaction(() => {
      if (!isSameSums(this.units.sums(unit), expected)) return undefined;
      const held = this.#rows.heldIn(unit, stretch);
      const differing = rows.filter((row) => row.doubles.length > 0 || held.get(keyText(row.key))?.hash !== row.hash);
      for (const row of rows) held.delete(keyText(row.key));
      const missing = this.#rows.flagMissing(unit, [...held.values()], seq);
      const change = both(missing, this.#rows.putAll(unit, differing, seq));
      return { change, sums: this.units.move(unit, change) };
    });
  }

  /**
   * Ends the comparison of a whole unit: its sums are what the store said, doubled rows counted as often as they are there.
   * @returns false where another process has moved them since
   */
  settle(
    unit: bigint,
    expected: Sums,
    said: Sums & { readonly doubled: number; readonly last: StoredRow | undefined },
  ): boolean {
    return this.#file.transaction(() => {
      if (!isSameSums(this.units.sums(unit), expected)) return false;
      this.units.set(unit, said, said.doubled);
      this.#file.run("DELETE FROM mirror_checkpoints WHERE unit = ?", unit);
      if (said.last !== undefined) this.#keepCheckpoint(unit, [said.last]);
      return true;
    });
  }

  /** Where the store is not what was seen there, but for what was accepted. */
  divergences(): Divergence[] {
    return this.#file.rows(
      `SELECT series, segment, build, ifnull(missing, 0) AS missing, ifnull(changed, 0) AS changed,
  max(doubled - doubled_accepted, 0) AS doubled, ifnull(again, 0) AS again, replaced_by
FROM mirror_units LEFT JOIN (
  SELECT unit, count(*) FILTER (WHERE gone_as = 'missing') AS missing,
    count(DISTINCT attempt || '/' || part) FILTER (WHERE gone_as = 'changed') AS changed,
    count(*) FILTER (WHERE gone_as = 'missing' AND is_again) AS again
  FROM (SELECT * FROM mirror_coverage WHERE gone_as IS NOT NULL AND accepted_seq IS NULL) LEFT JOIN (
    SELECT DISTINCT unit, through_id, bars_digest, TRUE AS is_again FROM mirror_coverage
    WHERE gone_as IS NULL AND unit IN (SELECT unit FROM mirror_coverage WHERE gone_as = 'missing' AND accepted_seq IS NULL)
  ) USING (unit, through_id, bars_digest) GROUP BY unit
) ON unit = id
WHERE missing > 0 OR changed > 0 OR mirror_units.doubled > doubled_accepted ORDER BY series, segment, build`,
      findingRow,
    );
  }

  /** Ids whose coverage was seen in the store and is there no more, by the text of their unit; accepted or not. */
  lostIds(): ReadonlyMap<string, readonly IdRange[]> {
    const rows = this.#file.rows(
      `SELECT series, segment, build, from_id, through_id FROM mirror_coverage JOIN mirror_units ON id = unit
WHERE gone_as = 'missing' ORDER BY from_id`,
      lostRow,
    );
    return Map.groupBy(rows, ({ unit }) => unitText(unit));
  }

  /** Puts down of each divergence whether readers see a newer build now. @param published of a segment; undefined where none is */
  markReplaced(published: (unit: MirroredUnit) => number | undefined): void {
    this.#file.transaction(() => {
      for (const { unit, replacedBy } of this.divergences()) {
        const seen = published(unit);
        const by = seen !== undefined && seen > unit.build ? seen : undefined;
        if (by !== replacedBy) this.units.setReplaced(unit, by);
      }
    });
  }

  /** Marks what is flagged now, or there twice, as accepted: it stays on record, and is no longer reported. @returns how many rows */
  accept(seq: bigint): number {
    return this.#file.transaction(() => {
      const doubled = this.#file.row(
        "SELECT ifnull(sum(doubled - doubled_accepted), 0) AS rows FROM mirror_units WHERE doubled > doubled_accepted",
        sumRow,
      );
      this.#file.run("UPDATE mirror_units SET doubled_accepted = doubled WHERE doubled > doubled_accepted");
      const { changes } = this.#file.run(
        "UPDATE mirror_coverage SET accepted_seq = ? WHERE gone_as IS NOT NULL AND accepted_seq IS NULL",
        seq,
      );
      return changes + (doubled?.rows ?? 0);
    });
  }

  /** Days from … through of which the store is known to hold something of a series. */
  daysOf(series: SeriesId, from: Day, through: Day): Day[] {
    return this.#file
      .rows(
        `SELECT DISTINCT day FROM mirror_coverage JOIN mirror_units ON id = unit
WHERE series = ? AND day BETWEEN ? AND ? AND gone_as IS NULL ORDER BY day`,
        dayRow,
        series,
        from,
        through,
      )
      .map(({ day }) => day);
  }

  totals(): z.output<typeof totalsRow> {
    const row = this.#file.row(
      `SELECT count(*) AS units, ifnull(sum(row_count - doubled), 0) AS rows,
  (SELECT count(*) FROM mirror_checkpoints) AS checkpoints,
  (SELECT count(*) FROM mirror_coverage WHERE gone_as IS NOT NULL) AS gone FROM mirror_units`,
      totalsRow,
    );
    return row ?? { units: 0n, rows: 0n, checkpoints: 0n, gone: 0n };
  }

  /** Rows come in the order of their keys: the last checkpoint is the newest. */
  #keepCheckpoint(unit: bigint, rows: readonly StoredRow[]): void {
    const newest = rows.findLast(({ checkpoint }) => checkpoint !== "");
    if (newest === undefined) return;
    this.#file.run(
      `INSERT INTO mirror_checkpoints (unit, attempt, part, checkpoint) VALUES (?, ?, ?, ?)
ON CONFLICT (unit) DO UPDATE SET attempt = excluded.attempt, part = excluded.part, checkpoint = excluded.checkpoint
WHERE (excluded.attempt, excluded.part) >= (attempt, part)`,
      unit,
      newest.key.attempt,
      newest.key.part,
      newest.checkpoint,
    );
  }
}

function both(a: RowChange, b: RowChange): RowChange {
  return {
    rows: a.rows + b.rows,
    hash: a.hash + b.hash,
    added: a.added + b.added,
    missing: a.missing + b.missing,
    changed: a.changed + b.changed,
  };
}

/** A text per key of a unit, for maps. */
export function keyText({ attempt, part }: RowKey): string {
  return `${attempt}/${part}`;
}

import { z } from "zod";
import { parseSegmentId } from "../model/segments.ts";
import { parseSeriesId, seriesId, type SeriesId } from "../model/series.ts";
import { unitText, type MirroredUnit } from "./coverage-source.ts";
import type { LedgerFile } from "./file.ts";
import { isSameSums, moved, type Sums } from "./sums.ts";

const unitRow = z
  .object({
    series: z.string().transform((text) => seriesId(parseSeriesId(text))),
    segment: z.string().transform(parseSegmentId),
    build: z.coerce.number(),
    row_count: z.bigint(),
    row_hash: z.bigint(),
  })
  .transform((row) => ({
    unit: { series: row.series, segment: row.segment, build: row.build } satisfies MirroredUnit,
    sums: { rows: row.row_count, hash: row.row_hash } satisfies Sums,
  }));

/** A unit of the mirror, and what its rows sum up to. */
export type MirrorUnit = Readonly<z.output<typeof unitRow>>;

const seriesRow = z.object({ series: z.string().transform((text) => seriesId(parseSeriesId(text))) });
const idRow = z.object({ id: z.bigint() });
const sumsRow = z.object({ row_count: z.bigint(), row_hash: z.bigint() });

/** The units of the mirror: their numbers there, and their sums. */
export class MirrorUnits {
  readonly #file: LedgerFile;

  constructor(file: LedgerFile) {
    this.#file = file;
  }

  /** Series that the store holds, or held when it was last looked at and must still hold: a loss that nobody accepted. */
  series(): SeriesId[] {
    return this.#file
      .rows(
        `SELECT DISTINCT series FROM mirror_units WHERE row_count > 0
  OR id IN (SELECT unit FROM mirror_coverage WHERE gone_as IS NOT NULL AND accepted_seq IS NULL) ORDER BY series`,
        seriesRow,
      )
      .map(({ series }) => series);
  }

  /** Every unit that was ever seen, by its text. */
  all(): Map<string, MirrorUnit> {
    const rows = this.#file.rows("SELECT series, segment, build, row_count, row_hash FROM mirror_units", unitRow);
    return new Map(rows.map((row) => [unitText(row.unit), row]));
  }

  /** The number of a unit, which is new where it was not seen before. */
  idOf(series: string, segment: string, build: number): bigint {
    const known = this.#file.row(
      "SELECT id FROM mirror_units WHERE series = ? AND segment = ? AND build = ?",
      idRow,
      series,
      segment,
      build,
    );
    if (known !== undefined) return known.id;
    // Another process may have been faster: then nothing is inserted, and its row is there.
    const sql = "INSERT INTO mirror_units (series, segment, build) VALUES (?, ?, ?) ON CONFLICT DO NOTHING";
    const { changes, id } = this.#file.run(sql, series, segment, build);
    return changes > 0 ? id : this.idOf(series, segment, build);
  }

  sums(unit: bigint): Sums {
    const row = this.#file.row("SELECT row_count, row_hash FROM mirror_units WHERE id = ?", sumsRow, unit);
    return { rows: row?.row_count ?? 0n, hash: row?.row_hash ?? 0n };
  }

  /** Moves a unit's sums. @returns what they are then */
  move(unit: bigint, by: Sums): Sums {
    const before = this.sums(unit);
    const after = moved(before, by);
    if (!isSameSums(before, after)) {
      this.#file.run("UPDATE mirror_units SET row_count = ?, row_hash = ? WHERE id = ?", after.rows, after.hash, unit);
    }
    return after;
  }

  /** Sets a unit's sums to what the store said, rows that are there twice counted twice. What is there once again is accepted no more. */
  set(unit: bigint, { rows, hash }: Sums, doubled: number): void {
    this.#file.run(
      "UPDATE mirror_units SET row_count = ?, row_hash = ?, doubled = ?, doubled_accepted = min(doubled_accepted, ?) WHERE id = ?",
      rows,
      hash,
      doubled,
      doubled,
      unit,
    );
  }

  /** Sets how many rows that are there twice were accepted. */
  acceptDoubled(unit: bigint, rows: number): void {
    this.#file.run("UPDATE mirror_units SET doubled_accepted = ? WHERE id = ?", rows, unit);
  }

  /** Sets which newer build readers see instead of a unit's; undefined for none. */
  setReplaced({ series, segment, build }: MirroredUnit, by: number | undefined): void {
    this.#file.run(
      "UPDATE mirror_units SET replaced_by = ? WHERE series = ? AND segment = ? AND build = ?",
      by ?? null,
      series,
      segment,
      build,
    );
  }
}

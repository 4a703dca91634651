import { z } from "zod";
import type { RowKey, StoredRow } from "./coverage-source.ts";
import type { LedgerFile } from "./file.ts";
import { mirrorColumns } from "./mirror-columns.ts";

/** What was done to a unit's rows; `rows` and `hash` are what its sums move by. */
export interface RowChange {
  readonly rows: bigint;
  readonly hash: bigint;
  /** Rows that the store holds and the mirror did not. */
  readonly added: number;
  /** Rows that were flagged: gone from the store. */
  readonly missing: number;
  /** Rows that were flagged: the store has other contents under their key. */
  readonly changed: number;
}

export const noChange: RowChange = { rows: 0n, hash: 0n, added: 0, missing: 0, changed: 0 };

/** A row that the store is known to hold. */
interface HeldRow extends RowKey {
  readonly revision: bigint;
  readonly hash: bigint;
}

const names = mirrorColumns.map(({ name }) => name);
const insertSql = `INSERT INTO mirror_coverage (unit, ${names.join(", ")}, row_hash, revision, seen_seq, gone_seq, gone_as)
VALUES (${Array.from({ length: names.length + 6 }, () => "?").join(", ")}) ON CONFLICT DO NOTHING`;

const heldRow = z
  .object({ attempt: z.bigint(), part: z.bigint(), revision: z.bigint(), row_hash: z.bigint() })
  .transform(({ row_hash: hash, ...row }): HeldRow => ({ ...row, hash }));

const revisionRow = z.looseObject({
  row_hash: z.bigint(),
  revision: z.bigint(),
  gone_as: z.enum(["missing", "changed"]).nullable(),
});
type Revision = z.output<typeof revisionRow>;

/**
 * The rows of the mirror. A key has a row per contents that were ever seen under it, its revisions; at most one of them is held by
 * the store, the others are flagged.
 */
export class MirrorRows {
  readonly #file: LedgerFile;

  constructor(file: LedgerFile) {
    this.#file = file;
  }

  /** The rows of a stretch of keys that the store is known to hold, by key. */
  heldIn(
    unit: bigint,
    { after, through }: { readonly after: RowKey | undefined; readonly through: RowKey | undefined },
  ): Map<string, HeldRow> {
    const conditions = [
      ...(after === undefined ? [] : [{ sql: "AND (attempt, part) > (?, ?)", values: [after.attempt, after.part] }]),
      ...(through === undefined
        ? []
        : [{ sql: "AND (attempt, part) <= (?, ?)", values: [through.attempt, through.part] }]),
    ];
    const rows = this.#file.rows(
      `SELECT attempt, part, revision, row_hash FROM mirror_coverage WHERE unit = ? AND gone_as IS NULL ${conditions.map(({ sql }) => sql).join(" ")}`,
      heldRow,
      unit,
      ...conditions.flatMap(({ values }) => values),
    );
    return new Map(rows.map((row) => [`${row.attempt}/${row.part}`, row]));
  }

  /** Flags rows that the store no longer holds. */
  flagMissing(unit: bigint, rows: readonly HeldRow[], seq: bigint): RowChange {
    for (const row of rows) this.#flag(unit, row, row.revision, "missing", seq);
    return {
      ...noChange,
      rows: -BigInt(rows.length),
      hash: -rows.reduce((sum, { hash }) => sum + hash, 0n),
      missing: rows.length,
    };
  }

  /** Takes rows over that the store holds. */
  putAll(unit: bigint, rows: readonly StoredRow[], seq: bigint): RowChange {
    let { rows: moved, hash, added, changed } = noChange;
    for (const row of rows) {
      if (row.doubles.length === 0 && this.#insert(unit, row, 0n, seq, null)) {
        moved += 1n;
        hash += row.hash;
        added += 1;
        continue;
      }
      const change = this.#put(unit, row, seq);
      moved += change.rows;
      hash += change.hash;
      added += change.added;
      changed += change.changed;
    }
    return { rows: moved, hash, added, missing: 0, changed };
  }

  /** Takes one row over whose key may have been seen before. */
  #put(unit: bigint, row: StoredRow, seq: bigint): RowChange {
    const revisions = this.#revisions(unit, row.key);
    let next = revisions.reduce((most, { revision }) => (revision >= most ? revision + 1n : most), 0n);
    let changed = 0;
    for (const other of row.doubles) {
      if (isSameRow(other, row) || revisions.some((one) => isSame(one, other))) continue;
      this.#insert(unit, other, next, seq, "changed");
      next += 1n;
      changed += 1;
    }
    const held = revisions.find(({ gone_as: goneAs }) => goneAs === null);
    const same = revisions.find((one) => isSame(one, row));
    if (same !== undefined && same === held) {
      // The same row with another hash: the store's release computes it otherwise.
      if (same.row_hash !== row.hash) this.#hold(unit, row, same.revision);
      return { ...noChange, hash: row.hash - same.row_hash, changed };
    }
    for (const one of revisions) {
      if (one === same || one.gone_as === "changed") continue;
      this.#flag(unit, row.key, one.revision, "changed", seq);
      changed += 1;
    }
    if (same === undefined) this.#insert(unit, row, next, seq, null);
    else this.#hold(unit, row, same.revision);
    const before = held === undefined ? { rows: 0n, hash: 0n } : { rows: 1n, hash: held.row_hash };
    return {
      rows: 1n - before.rows,
      hash: row.hash - before.hash,
      added: held === undefined ? 1 : 0,
      missing: 0,
      changed,
    };
  }

  #revisions(unit: bigint, { attempt, part }: RowKey): Revision[] {
    return this.#file.rows(
      `SELECT ${names.join(", ")}, row_hash, revision, gone_as FROM mirror_coverage WHERE unit = ? AND attempt = ? AND part = ?`,
      revisionRow,
      unit,
      attempt,
      part,
    );
  }

  /** @returns false where the key has that revision already */
  #insert(unit: bigint, row: StoredRow, revision: bigint, seq: bigint, goneAs: "changed" | null): boolean {
    const goneSeq = goneAs === null ? null : seq;
    return this.#file.run(insertSql, unit, ...row.fields, row.hash, revision, seq, goneSeq, goneAs).changes > 0;
  }

  #hold(unit: bigint, { key, hash }: StoredRow, revision: bigint): void {
    this.#file.run(
      `UPDATE mirror_coverage SET gone_seq = NULL, gone_as = NULL, accepted_seq = NULL, row_hash = ?
WHERE unit = ? AND attempt = ? AND part = ? AND revision = ?`,
      hash,
      unit,
      key.attempt,
      key.part,
      revision,
    );
  }

  #flag(unit: bigint, key: RowKey, revision: bigint, goneAs: "missing" | "changed", seq: bigint): void {
    this.#file.run(
      `UPDATE mirror_coverage SET gone_seq = ?, gone_as = ?, accepted_seq = NULL
WHERE unit = ? AND attempt = ? AND part = ? AND revision = ?`,
      seq,
      goneAs,
      unit,
      key.attempt,
      key.part,
      revision,
    );
  }
}

/** By every column: a hash alone may be computed otherwise by another release of the store. */
function isSame(known: Revision, row: StoredRow): boolean {
  return known.row_hash === row.hash || names.every((name, i) => String(known[name]) === row.fields[i]);
}

function isSameRow(a: StoredRow, b: StoredRow): boolean {
  return a.hash === b.hash;
}

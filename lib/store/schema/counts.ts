import { z } from "zod";
import { UnavailableError } from "../../model/errors.ts";
import { sqlString } from "../sql/literal.ts";
import type { Store } from "../store.ts";
import type { Migration } from "./migrations.ts";

const tableRow = z.object({ table: z.string() });
const countRow = z.object({ table: z.string(), rows: z.string().transform(BigInt) });

/** Rows by table. */
export type TableCounts = ReadonlyMap<string, bigint>;

/** Rows of every table that keeps what it is given; what expires by itself (leases) and views are left out. */
export async function countTables(store: Store): Promise<TableCounts> {
  const tables = await store.rows(
    `SELECT name AS table FROM system.tables
WHERE database = 'barkeep' AND engine = 'MergeTree' AND position(engine_full, ' TTL ') = 0 ORDER BY name`,
    tableRow,
  );
  if (tables.length === 0) return new Map();
  const counts = tables.map(
    ({ table }) => `SELECT ${sqlString(table)} AS table, toString(count()) AS rows FROM barkeep.\`${table}\``,
  );
  const rows = await store.rows(counts.join("\nUNION ALL\n"), countRow);
  return new Map(rows.toSorted((a, b) => (a.table < b.table ? -1 : 1)).map((row) => [row.table, row.rows]));
}

/**
 * A migration only adds: no table may be gone or hold fewer rows than before.
 * @throws UnavailableError MIGRATION_LOST_ROWS
 */
export function refuseLostRows(store: Store, migration: Migration, before: TableCounts, after: TableCounts): void {
  const lost = [...before].flatMap(([table, rows]) => {
    const now = after.get(table);
    if (now !== undefined && now >= rows) return [];
    return [now === undefined ? `${table} is gone` : `${table} holds ${now} rows where it held ${rows}`];
  });
  if (lost.length === 0) return;
  throw new UnavailableError(`migration ${migration.version} (${migration.name}): ${lost.join("; ")}`, {
    code: "MIGRATION_LOST_ROWS",
    subject: store.where,
    hint: "the version is not on record; where nothing else removed rows meanwhile, restore the copy made before",
  });
}

/** Both counts as they go on record: `bars.before`, `bars.after`. */
export function countsOnRecord(before: TableCounts, after: TableCounts): Record<string, string> {
  const named = (counts: TableCounts, when: string): [string, string][] =>
    Array.from(counts, ([table, rows]) => [`${table}.${when}`, rows.toString()]);
  return Object.fromEntries([...named(before, "before"), ...named(after, "after")]);
}

import { z } from "zod";
import { ConfigurationError } from "../../model/errors.ts";
import type { Store } from "../store.ts";
import { countsOnRecord, countTables, refuseLostRows } from "./counts.ts";
import { migrations, type Migration } from "./migrations.ts";
import { moveRows } from "./move.ts";
import { inTurn } from "./turn.ts";
import { viewStatements } from "./views.ts";

const recorded = z.object({ version: z.number() });
const counted = z.object({ found: z.coerce.number() });

/** The newest version of a list: the schema that its program knows. */
export function versionOf(known: readonly Migration[] = migrations): number {
  return Math.max(...known.map((migration) => migration.version));
}

/**
 * Brings the schema to this program's version. Whatever a migration does may be done twice: one that was cut short is run
 * again as a whole, and is on record, with the rows of every table before and after, only when all of it is done.
 * @param known the program's migrations; tests bring their own
 * @throws ConfigurationError SCHEMA_NEWER when a newer program has been here; UnavailableError MIGRATION_LOST_ROWS,
 *   MIGRATION_DOUBLED_ROWS
 */
export async function migrate(store: Store, known: readonly Migration[] = migrations): Promise<void> {
  const done = await appliedVersions(store);
  const newest = Math.max(0, ...done);
  if (newest > versionOf(known)) {
    throw new ConfigurationError(`the store's schema is version ${newest}; this program knows ${versionOf(known)}`, {
      code: "SCHEMA_NEWER",
      subject: store.where,
      hint: "use the newer barkeep that wrote it, or another state directory",
    });
  }
  const pending = known.filter((migration) => !done.has(migration.version));
  for (const migration of pending) await apply(store, migration, migration === pending.at(-1));
}

async function apply(store: Store, migration: Migration, isLast: boolean): Promise<void> {
  const before = await countTables(store);
  for (const statement of migration.statements) await store.command(statement);
  const { moves = [] } = migration;
  if (moves.length > 0) {
    await inTurn(store, migration.version, async () => {
      for (const move of moves) await moveRows(store, move);
    });
  }
  // Views hold no data and are made anew from what the tables have become, before the version is on record.
  if (isLast) for (const statement of viewStatements()) await store.command(statement);
  const after = await countTables(store);
  refuseLostRows(store, migration, before, after);
  const { version, name } = migration;
  // Migration 2 brought the column.
  const counts = version === 1 ? {} : { counts: countsOnRecord(before, after) };
  const columns = ["version", "name", ...Object.keys(counts)].join(", ");
  await store.insertRows(`barkeep.schema_migrations (${columns})`, [{ version, name, ...counts }]);
}

async function appliedVersions(store: Store): Promise<Set<number>> {
  const [table] = await store.rows(
    "SELECT count() AS found FROM system.tables WHERE database = 'barkeep' AND name = 'schema_migrations'",
    counted,
  );
  if (table?.found !== 1) return new Set();
  const rows = await store.rows("SELECT version FROM barkeep.schema_migrations", recorded);
  return new Set(rows.map((row) => row.version));
}

import { z } from "zod";
import { ConfigurationError } from "../../model/errors.ts";
import type { Store } from "../store.ts";
import { migrations, type Migration } from "./migrations.ts";
import { viewStatements } from "./views.ts";

const recorded = z.object({ version: z.number() });
const counted = z.object({ tables: z.coerce.number() });

/** The schema's version that this program knows. */
export const schemaVersion = Math.max(...migrations.map((migration) => migration.version));

/**
 * Brings the schema to this program's version. Every statement may run twice: a migration that was cut short is run again
 * as a whole, and is on record only when all of it is done.
 * @throws ConfigurationError SCHEMA_NEWER when a newer program has been here
 */
export async function migrate(store: Store): Promise<void> {
  const done = await appliedVersions(store);
  const newest = Math.max(0, ...done);
  if (newest > schemaVersion) {
    throw new ConfigurationError(`the store's schema is version ${newest}; this program knows ${schemaVersion}`, {
      code: "SCHEMA_NEWER",
      subject: store.where,
      hint: "use the newer barkeep that wrote it, or another state directory",
    });
  }
  const pending = migrations.filter((migration) => !done.has(migration.version));
  if (pending.length === 0) return;
  for (const migration of pending) {
    for (const statement of migration.statements) await store.command(statement);
    const isLast = migration === pending.at(-1);
    // Views hold no data and are made anew from what the tables have become, before the version is on record.
    if (isLast) for (const statement of viewStatements()) await store.command(statement);
    await record(store, migration);
  }
}

async function appliedVersions(store: Store): Promise<Set<number>> {
  const tables = await store.rows(
    "SELECT count() AS tables FROM system.tables WHERE database = 'barkeep' AND name = 'schema_migrations'",
    counted,
  );
  if (tables[0]?.tables === 0) return new Set();
  const rows = await store.rows("SELECT version FROM barkeep.schema_migrations", recorded);
  return new Set(rows.map((row) => row.version));
}

async function record(store: Store, { version, name }: Migration): Promise<void> {
  await store.insertRows("barkeep.schema_migrations (version, name)", [{ version, name }]);
}

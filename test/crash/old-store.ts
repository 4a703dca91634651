/**
 * Makes a store as the first version of the schema left it, with the rows of another one.
 *
 *   old-store.ts --from STATE --to STATE
 */
import { parseArgs } from "node:util";
import { z } from "zod";
import { migrations } from "../../lib/store/schema/migrations.ts";
import { viewStatements } from "../../lib/store/schema/views.ts";
import { openStore } from "../../lib/store/index.ts";
import { openBare } from "../store/bare-store.ts";

const { values } = parseArgs({ options: { from: { type: "string" }, to: { type: "string" } } });
const { from, to } = values;
const [first] = migrations;
if (from === undefined || to === undefined || first === undefined) throw new Error("give --from and --to");

const tables = ["bars", "coverage", "builds", "pointer"] as const;
const nameRow = z.object({ name: z.string() });

const old = await openBare(to);
for (const statement of [...first.statements, ...viewStatements()]) await old.command(statement);
const columns = new Map<string, string>();
for (const table of tables) {
  const rows = await old.rows(
    `SELECT name FROM system.columns WHERE database = 'barkeep' AND table = '${table}' ORDER BY position`,
    nameRow,
  );
  columns.set(table, rows.map(({ name }) => name).join(", "));
}
await old.close();

const filled = await openStore({ stateDirectory: from });
const blocks = new Map<string, Uint8Array[]>();
for (const table of tables) {
  const chunks: Uint8Array[] = [];
  for await (const chunk of filled.stream(`SELECT ${columns.get(table)} FROM barkeep.${table}`, "Native")) {
    chunks.push(chunk);
  }
  blocks.set(table, chunks);
}
await filled.close();

const again = await openBare(to);
for (const table of tables) {
  const target = `barkeep.${table} (${columns.get(table)})`;
  for (const block of blocks.get(table) ?? []) await again.insertNative(target, block);
}
await again.insertRows("barkeep.schema_migrations (version, name)", [{ version: first.version, name: first.name }]);
await again.close();
process.exit(0);

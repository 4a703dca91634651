import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { z } from "zod";
import { barColumns, digestColumns, keyColumns } from "../../lib/store/columns.generated.ts";
import { columns } from "../../lib/store/columns.ts";
import { openStore } from "../../lib/store/index.ts";
import { projectRoot, temporaryFolder } from "../ops/run.ts";

const tableColumn = z.object({ name: z.string(), type: z.string(), codec: z.string() });

function plain(text: string): string {
  return text.replaceAll(" ", "");
}

function namesOf(tiers: readonly string[]): string[] {
  return columns.filter(({ tier }) => tiers.includes(tier)).map(({ name }) => name);
}

test("the table that migrations make has the manifest's columns, types and codecs, in its order", async () => {
  const store = await openStore({ stateDirectory: join(temporaryFolder("columns"), "state") });
  try {
    const rows = await store.rows(
      "SELECT name, type, compression_codec AS codec FROM system.columns WHERE database = 'barkeep' AND table = 'bars' ORDER BY position",
      tableColumn,
    );
    assert.deepEqual(
      rows.map(({ name, type, codec }) => [name, plain(type), plain(codec).replace(/Delta\(8\)/, "Delta")]),
      columns.map(({ name, type, codec }) => [name, plain(type), plain(`CODEC(${codec})`)]),
    );
  } finally {
    await store.close();
  }
});

test("what is generated from the manifest is what the manifest says", () => {
  assert.deepEqual([...keyColumns], namesOf(["key"]));
  assert.deepEqual([...barColumns], namesOf(["1", "2", "3", "4", "5", "flag"]));
  assert.deepEqual([...digestColumns], namesOf(["1", "2", "3", "4"]));
  const page = readFileSync(join(projectRoot, "docs", "columns.md"), "utf8");
  for (const { name, description } of columns) {
    assert.ok(page.includes(`\`${name}\``) && page.includes(description), name);
  }
});

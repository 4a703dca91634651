import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import { parseDay } from "../../lib/model/day.ts";
import { openArchive, type ArchiveSource } from "../../lib/sources/archive/index.ts";
import { temporaryFolder } from "../ops/run.ts";
import { ArchiveFolder } from "../rig/make-archive.ts";

const day = parseDay("2024-03-05");
const signal = new AbortController().signal;

async function rig(): Promise<{ folder: ArchiveFolder; source: ArchiveSource }> {
  const folder = new ArchiveFolder(temporaryFolder("directory"));
  folder.putWalk(day, 2, 300);
  return { folder, source: await openArchive(folder.root, "spot", "BTCUSDT", temporaryFolder("directory-state")) };
}

test("a damaged file of the user's folder is left where it is; there is no other", async () => {
  const { folder, source } = await rig();
  writeFileSync(folder.pathOf(day), "damaged");
  const file = await source.fetchDay(day, signal);
  assert.ok(file.kind === "file");
  assert.equal(await source.refetchDay(file, signal), undefined);
  assert.equal((await source.fetchDay(day, signal)).kind, "file");
});

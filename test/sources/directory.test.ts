import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { addDays, parseDay } from "../../lib/model/day.ts";
import { UnavailableError } from "../../lib/model/errors.ts";
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

test("a folder that does not exist, or holds no data/, is no archive; one without the symbol has published nothing", async () => {
  const root = temporaryFolder("directory-absent");
  const file = join(root, "file");
  writeFileSync(file, "");
  const open = async (location: string): Promise<ArchiveSource> => openArchive(location, "spot", "BTCUSDT", root);
  for (const [location, message] of [
    [join(root, "nowhere"), /does not exist/],
    [file, /does not exist/],
    [root, /holds no data/],
  ] as const) {
    await assert.rejects(open(location), (error) => {
      assert.ok(error instanceof UnavailableError && error.code === "ARCHIVE_ABSENT" && error.subject === location);
      assert.match(error.message, message);
      return true;
    });
  }
  mkdirSync(join(root, "data"));
  const source = await open(root);
  assert.equal((await source.fetchDay(day, signal)).kind, "missing");
  assert.equal(await source.firstPublished(day, addDays(day, 9)), undefined);
});

test("files whose names speak of no real day are not looked at", async () => {
  const { folder, source } = await rig();
  const good = folder.pathOf(day);
  for (const text of ["2024-13-45", "2024-02-30", "0000-00-00", "2024-03-07-old", ""]) {
    writeFileSync(good.replace(day, text), "");
  }
  assert.equal(await source.lastPublished(addDays(day, 400)), addDays(day, 1));
  assert.equal(await source.firstPublished(addDays(day, -400), addDays(day, 400)), day);
});

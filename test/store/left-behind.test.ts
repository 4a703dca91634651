import assert from "node:assert/strict";
import { existsSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { sweepLeftBehind } from "../../lib/store/embedded/left-behind.ts";
import { openEmbedded } from "../../lib/store/store.ts";
import { temporaryFolder } from "../ops/run.ts";

/** No process has it: the kernel gives no greater one than 2^22. */
const gone = 2 ** 22 + 1;

function put(folder: string, name: string, ageSeconds: number): void {
  const path = join(folder, name);
  writeFileSync(path, "text");
  const atSeconds = Date.now() / 1000 - ageSeconds;
  utimesSync(path, atSeconds, atSeconds);
}

test("what a killed process wrote beside its place goes; what a living or a recent one wrote stays, and so do other files", () => {
  const folder = temporaryFolder("left-behind");
  const [old, recent] = [120, 5];
  put(folder, `owner.json.${gone}.tmp`, old);
  put(folder, `owner.json.${gone}.old`, old);
  put(folder, `engine.xml.${gone}.tmp`, old);
  const kept = ["owner.json", "ledger.sqlite", `notes.${gone}.txt`, `owner.json.${process.pid}.tmp`];
  for (const name of kept) put(folder, name, old);
  put(folder, `engine.xml.${gone + 1}.tmp`, recent);
  sweepLeftBehind(folder);
  assert.deepEqual(readdirSync(folder).toSorted(), [...kept, `engine.xml.${gone + 1}.tmp`].toSorted());
});

test("who opens the store sweeps", async () => {
  const state = join(temporaryFolder("left-behind-open"), "state");
  await (await openEmbedded(state)).close();
  put(state, `owner.json.${gone}.tmp`, 120);
  await (await openEmbedded(state)).close();
  assert.equal(existsSync(join(state, `owner.json.${gone}.tmp`)), false);
});

import assert from "node:assert/strict";
import { existsSync, mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { chooseForRemoval, collectMirror } from "../../lib/sources/archive/mirror-gc.ts";
import { barkeep, temporaryFolder } from "../ops/run.ts";

const now = 1_700_000_000_000;
const hour = 3_600_000;

test("what stays fits the bound or was used within the last hour; nothing goes that need not", () => {
  const file = fc.record({
    name: fc.constantFrom("spot/a.zip", "quarantine/b"),
    bytes: fc.nat(100),
    usedMs: fc.integer({ min: now - 5 * hour, max: now }),
  });
  fc.assert(
    fc.property(fc.array(file), fc.nat(500), (files, bound) => {
      const removed = new Set(chooseForRemoval(files, bound, now));
      const kept = files.filter((one) => !removed.has(one));
      const total = kept.reduce((sum, one) => sum + one.bytes, 0);
      if (total > bound) assert.ok(kept.every((one) => now - one.usedMs < hour));
      for (const one of removed) assert.ok(now - one.usedMs >= hour);
      // Without the last one chosen the bound would be exceeded.
      const last = [...removed].at(-1);
      if (last !== undefined) assert.ok(total + last.bytes > bound);
    }),
  );
});

test("mirror gc removes the longest unused, says so, and a plan removes nothing", async () => {
  const state = temporaryFolder("mirror-gc");
  const folder = join(state, "mirror", "spot", "BTCUSDT");
  mkdirSync(folder, { recursive: true });
  const put = (name: string, ageHours: number): string => {
    const path = join(folder, name);
    writeFileSync(path, Buffer.alloc(1000));
    const used = new Date(Date.now() - ageHours * hour);
    utimesSync(path, used, used);
    return path;
  };
  const [old, newer, fresh] = [put("old.zip", 5), put("newer.zip", 3), put("fresh.zip", 0)];
  const dry = await barkeep(["mirror", "gc", "--max-gb", "0.000002", "--plan", "--state", state]);
  assert.equal(dry.code, 0, dry.stderr);
  assert.match(dry.stdout, /old\.zip.*1 files would go; 2\.0 kB stay/s);
  assert.ok(existsSync(old));
  const run = await barkeep(["mirror", "gc", "--max-gb", "0", "--state", state]);
  assert.equal(run.code, 0, run.stderr);
  assert.deepEqual(
    [old, newer, fresh].map((path) => existsSync(path)),
    [false, false, true],
  );
  assert.match(run.stderr, /1\.0 kB over the bound/);
  assert.equal((await barkeep(["mirror", "gc", "--max-gb", "lots", "--state", state])).code, 3);
});

test("files that go while the mirror is looked at are no error", async () => {
  const root = temporaryFolder("gc-race");
  for (let i = 0; i < 500; i += 1) writeFileSync(join(root, `${i}.part`), "half");
  const looking = collectMirror(root, 0, Date.now(), true);
  // Backwards: those that are looked at last go first.
  for (let i = 499; i >= 0; i -= 1) await rm(join(root, `${i}.part`));
  assert.ok((await looking).keptBytes <= 500 * 4);
});

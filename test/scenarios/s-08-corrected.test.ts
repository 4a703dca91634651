import assert from "node:assert/strict";
import { test } from "node:test";
import { Bench } from "../rig/bench.ts";
import { linesOf, walkOf } from "../rig/make-archive.ts";

const bounds = ["first_agg_trade_id", "last_agg_trade_id", "open_time", "close_time", "open", "close", "orphan_reason"];

/** Every bar's bounds, without what a corrected quantity changes. */
function boundsOf(csv: string): string[] {
  const [header = "", ...rows] = csv.trim().split("\n");
  const places = bounds.map((name) => header.split(",").indexOf(name));
  assert.ok(!places.includes(-1), header);
  return rows.map((row) => places.map((place) => row.split(",")[place]).join(","));
}

test("S-08: an archive is corrected and every bar keeps its bounds: a rebuild replaces the old rows, each once", async () => {
  const bench = new Bench();
  assert.equal((await bench.populate()).code, 0);
  const bars = async (): Promise<string> => {
    const words = ["export-bars", "BTCUSDT@50", "--exact", "--orphans", "--columns", "all"];
    const { code, stdout, stderr } = await bench.run(words);
    assert.equal(code, 0, stderr);
    return stdout;
  };
  const [before, statusBefore] = [await bars(), await bench.status()];

  // Every quantity of the second day is larger; prices, times and ids stay.
  const corrected = walkOf(bench.lastDay, 1000 + bench.perDay, bench.perDay);
  for (const trade of corrected) trade.quantity = trade.quantity.replace(/^0/, "1");
  bench.archive.putLines(bench.lastDay, linesOf(corrected));
  const expected = await bench.cleanStatus();

  // A committed day is not read again by populate; what notices is the rebuild that is asked what would come out otherwise.
  assert.equal((await bench.populate()).code, 0);
  assert.equal(await bars(), before);
  const rebuilt = await bench.run(["rebuild", "all", "--archive", bench.archive.root]);
  assert.equal(rebuilt.code, 0, rebuilt.stderr);
  const after = await bars();
  assert.notEqual(after, before);
  assert.deepEqual(boundsOf(after), boundsOf(before));
  assert.deepEqual(await bench.status(), expected);
  const verified = await bench.run(["verify", "BTCUSDT@50", "--deep", "--archive", bench.archive.root]);
  assert.equal(verified.code, 0, verified.stdout + verified.stderr);

  // And back, for a time: the rows of before are all there.
  const undone = await bench.run(["undo", "BTCUSDT@50:2024#2"]);
  assert.equal(undone.code, 0, undone.stderr);
  assert.equal(await bars(), before);
  assert.deepEqual(await bench.status(), statusBefore);
});

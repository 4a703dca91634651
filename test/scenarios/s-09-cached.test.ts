import assert from "node:assert/strict";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { dayStartMs } from "../../lib/model/day.ts";
import { ArchiveServer } from "../rig/archive-server.ts";
import { Bench, newState } from "../rig/bench.ts";
import { linesOf, walkOf } from "../rig/make-archive.ts";

const dayMs = 86_400_000;
/** So many of a day's last trades fall into three milliseconds. */
const full = 90;

/** Days whose last seconds are full: many trades in one millisecond, in an order that only their ids tell, up to the last one. */
function putFullEnds(bench: Bench): void {
  for (const [i, day] of [bench.firstDay, bench.lastDay].entries()) {
    const trades = walkOf(day, 1000 + i * bench.perDay, bench.perDay);
    for (const [row, trade] of trades.slice(-full).entries()) {
      trade.timeMs = dayStartMs(day) + dayMs - 1 - Math.floor((full - 1 - row) / 30) * 400;
      // Up and down within the millisecond: another order gives other bars.
      trade.price = `${60_000 + (row % 7) * 97}.00000000`;
    }
    bench.archive.putLines(day, linesOf(trades));
  }
}

test("S-09 fetched, from the mirror or from a folder: the same bars, to the last millisecond of the day", async () => {
  const bench = new Bench();
  putFullEnds(bench);
  const finer = ["--threshold", "5"];
  const fromFolder = await bench.cleanStatus(finer);
  await using server = new ArchiveServer(bench.archive.root);
  const url = await server.start();
  const exported = async (state?: string): Promise<string> => {
    const words = ["export-bars", "BTCUSDT@5", "--exact", "--columns", "all", "--orphans", "--incomplete"];
    const { code, stdout, stderr } = await bench.run(words, {}, state);
    assert.equal(code, 0, stderr);
    return stdout;
  };

  assert.equal((await bench.populate(finer, url)).code, 0);
  assert.equal(server.requestsFor(".zip"), 2);
  const fetched = await exported();
  assert.deepEqual(await bench.status(), fromFolder);
  const lastMs = BigInt(dayStartMs(bench.lastDay) + dayMs - 1) * 1000n;
  assert.ok(fetched.includes(`,${lastMs},`), "no bar reaches the day's last millisecond");
  assert.equal(fromFolder[0]?.last_id, String(999 + 2 * bench.perDay));

  const again = newState();
  cpSync(join(bench.state, "mirror"), join(again, "mirror"), { recursive: true });
  assert.equal((await bench.populate([...finer, "--state", again], url)).code, 0);
  assert.equal(server.requestsFor(".zip"), 2, "the second time comes from the mirror");
  assert.equal(await exported(again), fetched);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { openEmbedded } from "../../lib/store/store.ts";
import { barkeep } from "../ops/run.ts";
import { Bench, newState } from "../rig/bench.ts";
import { RunningCommand } from "../rig/command.ts";

const kills = 20;
/** More than a segment survives: each state gets so many kills, and then ends in peace. */
const killsPerState = 7;

const countsRow = z.object({ doubled: z.coerce.number(), takeovers: z.coerce.number() });

/** Keys that readers would see twice, and attempts that went on from what another one had committed. */
async function countsOf(state: string): Promise<z.output<typeof countsRow>> {
  const store = await openEmbedded(state);
  const [counts] = await store.rows(
    `SELECT
  (SELECT count() FROM (SELECT 1 FROM barkeep.bars_published GROUP BY series, segment, first_agg_trade_id HAVING count() > 1)) AS doubled,
  uniqExact(series, segment, attempt) - uniqExact(series, segment) AS takeovers
FROM barkeep.coverage`,
    countsRow,
  );
  await store.close();
  assert.ok(counts !== undefined);
  return counts;
}

test("S-02 kill -9 at random moments of a segment, again and again: the same digest as a run that was not killed, no key twice", async (t) => {
  const bench = new Bench({ firstDay: "2024-02-03", days: 110, perDay: 1_400 });
  const words = (state: string): string[] => {
    return bench.populateWords(["--threshold", "1", "--threshold", "50", "--state", state]);
  };
  const clean = newState();
  const began = Date.now();
  assert.equal((await barkeep(words(clean))).code, 0);
  const cleanMs = Date.now() - began;
  const expected = await bench.status({}, clean);

  const takeovers: number[] = [];
  let killed = 0;
  let wholeMs = cleanMs;
  // On until a kill came between two commits of the segment, too.
  while (killed < kills || takeovers.every((count) => count === 0)) {
    const state = newState();
    for (let tries = 0; tries < killsPerState; tries += 1) {
      const run = new RunningCommand(words(state));
      await Promise.race([run.end(), delay(wholeMs * (0.25 + 0.5 * Math.random()))]);
      if ((await run.end("SIGKILL")) === 0) {
        // The machine has less to do beside it than it had for the clean run.
        if (tries === 0) wholeMs *= 0.75;
        break;
      }
      assert.equal(run.child.signalCode, "SIGKILL", run.stderr);
      killed += 1;
    }
    const last = await barkeep(words(state));
    assert.equal(last.code, 0, last.stderr);
    assert.deepEqual(await bench.status({}, state), expected);
    const { doubled, takeovers: taken } = await countsOf(state);
    assert.equal(doubled, 0);
    takeovers.push(taken);
    if (killed < kills) continue;
    const verified = await bench.run(["verify", "BTCUSDT@1", "--deep", "--archive", bench.archive.root], {}, state);
    assert.equal(verified.code, 0, verified.stdout + verified.stderr);
  }
  t.diagnostic(`${killed} kills; a clean run takes ${cleanMs} ms; takeovers by state: ${takeovers.join(", ")}`);
});

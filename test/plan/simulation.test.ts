import assert from "node:assert/strict";
import { test } from "node:test";
import { simulatedHosts } from "../../bench/fleet-simulation.ts";
import { OlderRules } from "../../bench/fleet/older-rules.ts";
import { OurRules } from "../../bench/fleet/our-rules.ts";
import { simulate } from "../../bench/fleet/simulate.ts";
import { makeWorkload } from "../../bench/fleet/workload.ts";
import { patienceMs } from "../../lib/plan/admission.ts";

// 40: a neighbour takes so much that running units have to be stopped and killed.
for (const [i, seeds] of [[2], [1, 40]].entries()) {
  const size = simulatedHosts[i];
  assert.ok(size);
  for (const seed of seeds) {
    test(`a plan of 600 jobs with OOMs, crashes, a restart and neighbours: ${size.name}, seed ${seed}`, () => {
      const jobs = makeWorkload(seed);
      assert.equal(jobs.length, 600);
      const ours = simulate(size, jobs, (random) => new OurRules(jobs, size.cores, random), seed);
      assert.deepEqual([ours.done, ours.givenUp], [600, 0], "all complete");
      assert.deepEqual(
        [ours.overCommits, ours.overruns],
        [0, 0],
        "no over-commit, and never more memory than there is",
      );
      assert.ok(ours.ends["out of memory"] > 0 && ours.ends.crashed > 0, "there was something to recover from");
      const ratio = ours.makespanMs / ours.bound.boundMs;
      assert.ok(ratio >= 1 && ratio <= 1.2, `makespan ${ratio.toFixed(3)} of the lower bound`);
      assert.ok(ours.turns <= 2 * ours.disturbances + 4, `${ours.turns} turns in ${ours.steps} steps: oscillates`);
      assert.ok(ours.longestBlockedMs <= patienceMs + ours.bound.longestMs * 2, `${ours.longestBlockedMs} ms: starves`);
      const older = simulate(size, jobs, (random) => new OlderRules(jobs, random), seed);
      assert.ok(older.makespanMs > ours.makespanMs, "the older rules are slower on the same jobs");
      if (seed === 40) assert.ok(ours.stopsAsked > 0 && ours.kills > 0, "memory ran short");
    });
  }
}

test("the same seed gives the same plan, to the millisecond", () => {
  const [size] = simulatedHosts;
  assert.ok(size);
  const jobs = makeWorkload(5).slice(0, 60);
  const run = (): unknown => simulate(size, jobs, (random) => new OurRules(jobs, size.cores, random), 5);
  assert.deepEqual(run(), run());
});

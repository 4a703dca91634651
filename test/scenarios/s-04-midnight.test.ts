import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { addDays } from "../../lib/model/day.ts";
import { barkeep } from "../ops/run.ts";
import { eventually } from "../queue/tasks.ts";
import { ArchiveServer } from "../rig/archive-server.ts";
import { Bench, newState } from "../rig/bench.ts";
import { clockAt } from "../rig/clock.ts";
import { RunningCommand } from "../rig/command.ts";
import { linesOf, walkOf } from "../rig/make-archive.ts";

const populated = z.object({ symbols: z.array(z.object({ days: z.number(), trades: z.string() })) });

/** A series without an end date, by weeks, so that some are committed before it is interrupted. */
function openEnded(bench: Bench, archive: string, more: readonly string[] = []): string[] {
  const words = bench.populateWords(["--segment", "week", ...more], archive);
  return words.toSpliced(words.indexOf("--end-date"), 2);
}

test("S-04 interrupted before UTC midnight and resumed after it, an open-ended series goes on and does not begin again", async () => {
  const bench = new Bench({ firstDay: "2024-03-03", days: 30 });
  await using server = new ArchiveServer(bench.archive.root);
  const url = await server.start();
  const before = clockAt(`${addDays(bench.lastDay, 1)}T23:59:00Z`);
  const after = clockAt(`${addDays(bench.lastDay, 2)}T00:01:00Z`);

  // The folder's last day is found by the clock: with the real one the program would look for a day of this year.
  const withoutClock = await barkeep(openEnded(bench, url));
  assert.equal(withoutClock.code, 2, withoutClock.stderr);
  assert.match(withoutClock.stderr, /NO_LAST_DAY/);

  // What comes behind is kept back: it is killed in the middle, however fast it is.
  const heldBack = `${addDays(bench.firstDay, 20)}.zip`;
  const letGo = Promise.withResolvers<void>();
  server.holds.set(heldBack, letGo.promise);
  const run = new RunningCommand(openEnded(bench, url), before);
  while (server.requestsFor(heldBack) === 0) await delay(2);
  await eventually("a week is committed", async () => ((await bench.status())[0]?.days ?? 0) > 0);
  assert.equal(await run.end("SIGKILL"), null, "the program ended before it could be killed");
  letGo.resolve();
  const [held] = await bench.status();
  assert.ok(held !== undefined && held.days > 0 && held.days < 30, `${held?.days} days`);

  const published = addDays(bench.lastDay, 1);
  bench.archive.putLines(published, linesOf(walkOf(published, 1000 + 30 * bench.perDay, bench.perDay)));
  const resumed = await barkeep(openEnded(bench, url, ["--json"]), after);
  assert.equal(resumed.code, 0, resumed.stderr);
  const [symbol] = populated.parse(JSON.parse(resumed.stdout)).symbols;
  assert.equal(symbol?.days, 31 - held.days, "days that were committed were built again");
  assert.equal(symbol.trades, String((31 - held.days) * bench.perDay));

  const whole = newState();
  const clean = await barkeep(openEnded(bench, bench.archive.root, ["--state", whole]), after);
  assert.equal(clean.code, 0, clean.stderr);
  const expected = await bench.status({}, whole);
  assert.equal(expected[0]?.last_id, String(999 + 31 * bench.perDay), published);
  assert.deepEqual(await bench.status(), expected);

  // A clock that goes back over midnight takes nothing away.
  const again = await barkeep(openEnded(bench, url, ["--json"]), before);
  assert.equal(again.code, 0, again.stderr);
  assert.equal(populated.parse(JSON.parse(again.stdout)).symbols[0]?.days, 0);
  assert.deepEqual(await bench.status(before), expected);
});

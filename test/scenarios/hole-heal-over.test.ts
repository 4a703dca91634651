import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import { z } from "zod";
import { addDays } from "../../lib/model/day.ts";
import { Bench } from "../rig/bench.ts";
import { BotApi } from "../rig/bot-api.ts";
import { clockAt } from "../rig/clock.ts";
import { linesOf, walkOf } from "../rig/make-archive.ts";
import { minimalRegistry } from "../rig/registry.ts";
import { barkeep, type Outcome } from "../ops/run.ts";

const documentShape = z.object({
  result: z.string(),
  resolved: z.array(z.number()),
  incidents: z.array(z.object({ id: z.number(), kind: z.string(), state: z.string() })),
});

/**
 * The watch from end to end: the heartbeat finds a hole and says so, with buttons that work; heal closes it; the next heartbeat says
 * that it is over.
 */
test("a hole is said, acked by a button, explained, healed, and said to be over", async () => {
  await using bot = await new BotApi().start();
  const bench = new Bench({ days: 3 });
  const hole = addDays(bench.firstDay, 1);
  let minute = 10;
  /** A minute behind the one before. */
  const nextEnv = (): Record<string, string> => ({
    ...bot.env,
    ...clockAt(`${addDays(bench.lastDay, 1)}T03:${(minute += 1)}:00Z`),
  });
  const run = async (...words: readonly string[]): Promise<Outcome> =>
    barkeep([...words, "--archive", bench.archive.root, "--state", bench.state, "--symbols", bench.symbols], nextEnv());

  bench.archive.remove(hole);
  writeFileSync(
    bench.symbols,
    minimalRegistry(`known_gaps = [{ start_date = ${hole}, end_date = ${hole}, reason = "a test" }]`),
  );
  const built = await bench.populate([], undefined, nextEnv());
  assert.equal(built.code, 0, built.stderr);
  bench.archive.putLines(hole, linesOf(walkOf(hole, 1000 + bench.perDay, bench.perDay)));
  writeFileSync(bench.symbols, minimalRegistry());

  const red = await run("heartbeat", "--once");
  assert.equal(red.code, 1, red.stderr);
  const [message] = bot.messages;
  assert.ok(message !== undefined);
  assert.match(message.text, /barkeep explain 1 · docs\/alerts\.md#gap-interior/);
  assert.ok(message.buttons.length > 0);
  assert.equal(message.isSilent, false);
  bot.press(message, "ack");
  const acked = documentShape.parse(JSON.parse((await run("heartbeat", "--once", "--json")).stdout));
  assert.deepEqual(acked.incidents, [{ id: 1, kind: "gap-interior", state: "acked" }]);

  const incident = await run("explain", "1");
  assert.equal(incident.code, 1, incident.stderr);
  assert.match(incident.stdout, new RegExp(`#1 .*BTCUSDT@50[^]*${hole}`));
  const series = await run("explain", "BTCUSDT@50");
  assert.equal(series.code, 1, series.stderr);
  assert.match(series.stdout, /gap \(interior, P1\)[^]*barkeep heal makes the unit anew[^]*it was not tried yet/);
  assert.match(series.stdout, /what to do: barkeep heal$/m);

  const healed = await run("heal");
  assert.equal(healed.code, 0, healed.stderr);
  const over = documentShape.parse(JSON.parse((await run("heartbeat", "--once", "--json")).stdout));
  assert.deepEqual([over.result, over.resolved], ["clean", [1]]);
  assert.match(bot.messages.at(-1)?.text ?? "", /^✅ Over on [^]*#1 /);
  const whole = await run("explain", "BTCUSDT@50");
  assert.deepEqual([whole.code, /Nothing is to be done\./.test(whole.stdout)], [0, true], whole.stdout);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { Bench } from "../rig/bench.ts";
import { linesOf, walkOf } from "../rig/make-archive.ts";

test("S-32 trades that are none (price 0, fill id -1, no quantity) are quarantined and told, and their day is used", async () => {
  const bench = new Bench();
  const trades = walkOf(bench.lastDay, 1000 + bench.perDay, bench.perDay);
  // In the middle, side by side, and as the day's last row: a maintenance of the exchange left such rows.
  const ghosts = [19, 20, 199, bench.perDay - 1];
  for (const row of ghosts) Object.assign(trades[row] ?? {}, { price: "0", quantity: "0", firstId: -1, lastId: -1 });
  bench.archive.putLines(bench.lastDay, linesOf(trades));

  const outcome = await bench.populate(["--json"]);
  assert.equal(outcome.code, 0, outcome.stderr);
  assert.match(
    outcome.stderr,
    /2024-03-06 has 4 rows that are no trades, quarantined; the first: id 1419, line 20, price_not_positive/,
  );
  assert.match(outcome.stdout, new RegExp(`"trades": "${2 * bench.perDay - ghosts.length}"`));

  // Their ids count as seen: no hole, no orphan, and the last one ends the coverage.
  const [series] = await bench.status();
  assert.equal(series?.complete, true);
  assert.equal(series.last_id, String(999 + 2 * bench.perDay));
  const exported = await bench.run([
    "export-bars",
    "BTCUSDT@50",
    "--exact",
    "--columns",
    "all",
    "--orphans",
    "--incomplete",
  ]);
  const [header = "", ...bars] = exported.stdout.trim().split("\n");
  const low = header.split(",").indexOf("low");
  assert.ok(
    bars.every((bar) => Number(bar.split(",")[low]) > 0),
    "a ghost's price is in a bar",
  );
  assert.ok(!exported.stdout.includes("id_gap"));
  const verified = await bench.run(["verify", "BTCUSDT@50", "--deep", "--archive", bench.archive.root]);
  assert.equal(verified.code, 0, verified.stdout + verified.stderr);
});

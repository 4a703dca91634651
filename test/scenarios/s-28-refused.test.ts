import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryFolder } from "../ops/run.ts";
import { Bench } from "../rig/bench.ts";

test("S-28 a threshold under its floor and a symbol that the registry lacks are refused when it is planned, with what helps", async () => {
  const bench = new Bench();
  const symbols = join(temporaryFolder("floors"), "symbols.toml");
  writeFileSync(symbols, readFileSync(bench.symbols, "utf8").replace("min_threshold = 1\n", ""));
  const plan = async (...words: readonly string[]): ReturnType<Bench["populate"]> =>
    bench.populate(["--plan", "--symbols", symbols, ...words]);
  const low = await plan("--threshold", "100");
  assert.equal(low.code, 4);
  assert.match(low.stderr, /250 dbps[^]*what to do: .*RANGEBAR_MIN_THRESHOLD_BTCUSDT/);
  const unknown = await plan("--symbol", "NOPEUSDT", "--threshold", "250");
  assert.equal(unknown.code, 3);
  assert.match(unknown.stderr, /NOPEUSDT is not in the registry[^]*add \[symbols\.NOPEUSDT\]/);
  assert.equal(existsSync(bench.state), false, "nothing was begun");
});

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { z } from "zod";
import { exitCodes } from "../../lib/model/exit-codes.ts";
import { readSelfContained } from "../report/self-contained.ts";
import { barkeep, projectRoot, temporaryFolder, type Outcome } from "./run.ts";

const state = join(temporaryFolder("quickstart"), "state");
const page = join(state, "quickstart.html");
const sampleRegistry = join(projectRoot, "examples", "symbols.toml");
let first: Outcome;
let second: Outcome;
let firstPage = "";

function filesOf(folder: string): string[] {
  return readdirSync(join(projectRoot, folder), { recursive: true, encoding: "utf8" }).sort();
}
function behindSummary({ stdout }: Outcome): string {
  return stdout.slice(stdout.indexOf("\n\n"));
}
function digestsIn(text: string): string[] {
  return text.match(/\b[0-9a-f]{16}\b/g) ?? [];
}
const examplesBefore = filesOf("examples");

before(async () => {
  first = await barkeep(["quickstart", "--state", state]);
  firstPage = readFileSync(page, "utf8");
  second = await barkeep(["quickstart", "--state", state]);
});

after(() => {
  assert.deepEqual(filesOf("examples"), examplesBefore, "the sample archive is left as it is");
});

const statusShape = z.object({
  series: z.array(z.object({ series: z.string(), bars: z.number(), complete: z.boolean(), digest: z.string() })),
});

test("the first run builds three series, says what it built, and draws them", () => {
  assert.equal(first.code, exitCodes.ok, first.stderr);
  assert.equal(first.stderr, "");
  assert.match(first.stdout, /^symbol +series +days +trades +bars +state\nBTCUSDT +3 +2 +11,349 +\d+ +built$/m);
  assert.match(first.stdout, /trades\/s$/m);
  for (const threshold of [10, 25, 50]) {
    assert.match(first.stdout, new RegExp(`^range:binance/spot/BTCUSDT@${threshold} .* proven +[0-9a-f]{16}$`, "m"));
  }
  const chart = first.stdout.slice(first.stdout.indexOf("BTCUSDT, 0.025 % range bars:")).split("\n");
  const drawn = chart.filter((line) => line.includes("┤"));
  assert.equal(drawn.length, 17, "16 lines of prices, one of volume");
  assert.ok(drawn.some((line) => line.includes("┃")) && drawn.some((line) => line.includes("█")));
  for (const line of drawn) assert.ok(line.length <= 100, line);
  assert.ok(first.stdout.includes(`chart: ${page}`));
});

test("a second run has nothing to do, and shows the same", () => {
  assert.equal(second.code, exitCodes.ok, second.stderr);
  assert.match(second.stdout, /^nothing to do: every day asked for is built$/m);
  assert.equal(behindSummary(second), behindSummary(first));
  assert.equal(readFileSync(page, "utf8"), firstPage);
});

test("the page needs nothing but itself and holds the bars that the store holds", async () => {
  const series = readSelfContained(firstPage);
  assert.deepEqual(
    series.map((one) => one.threshold),
    [10, 25, 50],
  );
  for (const { name, bars } of series) {
    const exported = await barkeep(["export-bars", name, "--state", state, "--format", "ndjson"]);
    assert.equal(exported.code, exitCodes.ok, exported.stderr);
    const rows = exported.stdout
      .trim()
      .split("\n")
      .map((line) =>
        z
          .object({ open_time: z.string(), open: z.string(), close: z.string(), volume: z.string() })
          .parse(JSON.parse(line)),
      );
    assert.deepEqual(
      bars.map((bar) => [Math.floor(bar[0] ?? 0), bar[2], bar[5], bar[6]]),
      rows.map((row) => [Date.parse(row.open_time), Number(row.open), Number(row.close), Number(row.volume)]),
    );
  }
});

test("the page says what the store says: digests, ids, coverage", async () => {
  const { code, stdout } = await barkeep(["status", "--json", "--state", state, "--symbols", sampleRegistry]);
  assert.equal(code, exitCodes.ok);
  const { series } = statusShape.parse(JSON.parse(stdout));
  assert.equal(series.length, 3);
  for (const one of series) {
    assert.ok(one.complete);
    assert.ok(firstPage.includes(`<code>${one.digest}</code>`));
    assert.ok(firstPage.includes(`<td>${one.series}</td><td>${one.bars}</td>`));
    assert.ok(first.stdout.includes(one.digest));
  }
  assert.equal(firstPage.match(/proven complete/g)?.length, 3);
});

test("verify agrees with what was built, down to every cell", async () => {
  const archive = join(projectRoot, "examples", "archive");
  for (const threshold of [10, 25, 50]) {
    const words = ["verify", `BTCUSDT@${threshold}`, "--deep", "--archive", archive, "--state", state];
    const { code, stdout, stderr } = await barkeep(words);
    assert.equal(code, exitCodes.ok, `${stdout}${stderr}`);
    assert.match(stdout, / 0 findings/);
  }
});

test("settings of the environment that belong to other work do not reach it", async () => {
  const other = join(temporaryFolder("quickstart-env"), "state");
  const { code, stdout, stderr } = await barkeep(["quickstart", "--state", other], {
    BARKEEP_ARCHIVE: "/nowhere",
    BARKEEP_SYMBOLS: "/nowhere/symbols.toml",
    BARKEEP_MARKET: "futures-cm",
    CLICKHOUSE_URL: "http://127.0.0.1:1",
    RANGEBAR_OUROBOROS_MODE: "week",
  });
  assert.equal(code, exitCodes.ok, stderr);
  assert.deepEqual(digestsIn(stdout), digestsIn(first.stdout));
});

test("--json answers with one document", async () => {
  const { code, stdout } = await barkeep(["quickstart", "--json", "--state", state]);
  assert.equal(code, exitCodes.ok);
  z.object({ version: z.literal(1) }).parse(JSON.parse(stdout));
});

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { addDays, parseDay } from "../../lib/model/day.ts";
import { ArchiveServer } from "../rig/archive-server.ts";
import { Bench } from "../rig/bench.ts";
import { linesOf, walkOf, zipOf } from "../rig/make-archive.ts";
import { minimalRegistry } from "../rig/registry.ts";
import { barkeep, projectRoot, temporaryFolder } from "./run.ts";

const day = parseDay("2024-03-05");
const next = addDays(day, 1);
const perDay = 400;

const goodLines = linesOf(walkOf(next, 1000 + perDay, perDay));

function replaced(line: number, change: (fields: string[]) => void): string[] {
  return goodLines.map((text, i) => {
    if (i !== line - 1) return text;
    const fields = text.split(",");
    change(fields);
    return fields.join(",");
  });
}

const textCases: readonly (readonly [name: string, code: string, lines: readonly string[], where: RegExp])[] = [
  ["text where a number belongs", "BAD_NUMBER", replaced(7, (f) => (f[1] = "12a.5")), /line 7, byte \d+/],
  ["nine decimals", "TOO_MANY_DECIMALS", replaced(9, (f) => (f[2] = "0.123456789")), /line 9/],
  ["an overflow", "OVERFLOW", replaced(3, (f) => (f[1] = "92233720369.0")), /line 3/],
  ["a missing field", "BAD_ROW", replaced(5, (f) => f.splice(3, 1)), /line 5/],
  ["a boolean that is none", "BAD_BOOLEAN", replaced(4, (f) => (f[6] = "maybe")), /line 4/],
  ["ids going backwards", "UNSORTED_TRADES", replaced(11, (f) => (f[0] = "1001")), /line 11/],
  ["the same id twice", "DUPLICATE_TRADE", [...goodLines.slice(0, 6), ...goodLines.slice(5)], /line 7/],
  ["seconds for milliseconds", "TIME_OUTSIDE_DAY", replaced(2, (f) => (f[5] = (f[5] ?? "").slice(0, 10))), /line 2/],
  ["an empty file", "EMPTY_FILE", [], /holds no rows/],
  ["a day that repeats the day before", "UNSORTED_TRADES", linesOf(walkOf(next, 1000, perDay)), /line 1/],
];
for (const [name, code, lines, where] of textCases) {
  test(`${name}: the day before is committed, nothing of the bad day is, exit 1`, async () => {
    const it = new Bench();
    it.archive.putLines(next, lines);
    if (lines.length === 0) it.archive.putText(next, "");
    const outcome = await it.populate();
    assert.equal(outcome.code, 1, outcome.stderr);
    assert.ok(outcome.stderr.includes(`(${code})`), outcome.stderr);
    assert.match(outcome.stderr, where);
    assert.ok(outcome.stderr.includes(it.archive.pathOf(next)), outcome.stderr);
    const [series] = await it.status();
    assert.equal(series?.last_id, String(999 + perDay));
    assert.equal(series.complete, true);
  });
}

const zipCases: readonly (readonly [name: string, code: string, zip: (good: Buffer) => Buffer])[] = [
  ["a truncated zip", "ZIP_CORRUPT", (good) => good.subarray(0, good.length >> 1)],
  [
    "a zip bomb by what it declares",
    "ZIP_BOMB",
    () => zipOf(csvName("BTCUSDT"), Buffer.alloc(9), { size: 0xf000_0000 }),
  ],
  [
    "a zip that inflates beyond what it declares",
    "ZIP_CORRUPT",
    () => zipOf(csvName("BTCUSDT"), text(), { size: 100 }),
  ],
  ["a wrong CRC", "ZIP_CORRUPT", () => zipOf(csvName("BTCUSDT"), text(), { crc: 1 })],
  ["another symbol's file", "WRONG_SYMBOL", () => zipOf(csvName("ETHUSDT"), text())],
  [
    "bytes that are no text",
    "NOT_UTF8",
    () => zipOf(csvName("BTCUSDT"), Buffer.concat([text(), Buffer.from("1,\xff,", "latin1")])),
  ],
];
for (const [name, code, make] of zipCases) {
  test(`${name}: exit 1, the store is as before`, async () => {
    const it = new Bench();
    it.archive.putZip(next, make(readFileSync(it.archive.pathOf(next))));
    const outcome = await it.populate();
    assert.equal(outcome.code, 1, outcome.stderr);
    assert.ok(outcome.stderr.includes(`(${code})`), outcome.stderr);
    assert.equal((await it.status())[0]?.last_id, String(999 + perDay));
  });
}

function csvName(symbol: string): string {
  return `${symbol}-aggTrades-${next}.csv`;
}

function text(): Buffer {
  return Buffer.from(`${goodLines.join("\n")}\n`);
}

test("a wrong checksum, and none: that symbol stops before the day, exit 1", async () => {
  const it = new Bench();
  writeFileSync(`${it.archive.pathOf(next)}.CHECKSUM`, `${"0".repeat(64)}  BTCUSDT-aggTrades-${next}.zip\n`);
  const wrong = await it.populate();
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /CHECKSUM_MISMATCH/);
  unlinkSync(`${it.archive.pathOf(next)}.CHECKSUM`);
  const absent = await it.populate();
  assert.equal(absent.code, 1);
  assert.match(absent.stderr, /NO_CHECKSUM/);
  assert.equal((await it.status())[0]?.days, 1);
});

test("a hole in ids: built behind a flagged orphan, told with its ids, exit 1; declared: exit 0 and complete", async () => {
  const it = new Bench();
  it.archive.putLines(next, [...goodLines.slice(0, 100), ...goodLines.slice(150)]);
  const outcome = await it.populate();
  assert.equal(outcome.code, 1, outcome.stderr);
  assert.match(outcome.stderr, /ids 1500 … 1549 are missing on 2024-03-06.*\(ID_HOLE\)/s);
  const [series] = await it.status();
  assert.equal(series?.complete, false);
  const exported = await barkeep([
    "export-bars",
    "BTCUSDT@50",
    "--columns",
    "all",
    "--orphans",
    "--exact",
    "--state",
    it.state,
  ]);
  const orphans = exported.stdout.split("\n").filter((line) => line.includes(",id_gap,"));
  assert.equal(orphans.length, 1);
  assert.ok(orphans[0]?.includes(",1499,"));
  writeFileSync(
    it.symbols,
    minimalRegistry(`known_gaps = [{ start_date = ${next}, end_date = ${next}, reason = "test" }]\n`),
  );
  assert.equal((await it.status())[0]?.complete, true);
});

test("a hole right where a later run takes over still ends the forming bar as an orphan that readers see", async () => {
  const it = new Bench();
  const first = await it.populate(["--start-date", day, "--end-date", day]);
  assert.equal(first.code, 0, first.stderr);
  it.archive.putLines(next, goodLines.slice(50));
  assert.equal((await it.populate()).code, 1);
  const exported = await barkeep([
    "export-bars",
    "BTCUSDT@50",
    "--columns",
    "all",
    "--orphans",
    "--exact",
    "--state",
    it.state,
  ]);
  assert.equal(exported.stdout.split("\n").filter((line) => line.includes(",id_gap,")).length, 1);
});

test("usage: bad thresholds, unknown symbol, end before start, unknown flag", async () => {
  const it = new Bench();
  for (const [extra, code, message] of [
    [["--threshold", "0"], 3, /BAD_THRESHOLD/],
    [["--threshold", "100001"], 3, /outside 1 … 100000/],
    [["--symbol", "NOPEUSDT"], 3, /UNKNOWN_SYMBOL/],
    [["--start-date", "2024-03-06", "--end-date", "2024-03-05"], 3, /END_BEFORE_START/],
    [["--start-date", "2024-02-30"], 3, /BAD_DATE/],
    [["--frobnicate"], 3, /frobnicate/],
  ] as const) {
    const outcome = await it.populate(extra);
    assert.equal(outcome.code, code, `${extra.join(" ")}: ${outcome.stderr}`);
    assert.match(outcome.stderr, message);
  }
  assert.equal(existsSync(it.state), false);
});

test("a threshold below the floor is refused with the setting that allows it, and then allowed by it", async () => {
  const it = new Bench();
  writeFileSync(it.symbols, minimalRegistry().replace("min_threshold = 1", "min_threshold = 250"));
  const refused = await it.populate();
  assert.equal(refused.code, 4);
  assert.match(refused.stderr, /RANGEBAR_MIN_THRESHOLD_BTCUSDT=50/);
});

test("a state directory that cannot be written: exit 3", async () => {
  const it = new Bench();
  const file = join(temporaryFolder("not-a-folder"), "file");
  writeFileSync(file, "");
  for (const state of [join(file, "state"), "/proc/barkeep"]) {
    const outcome = await it.populate(["--state", state]);
    assert.equal(outcome.code, 3, outcome.stderr);
    assert.match(outcome.stderr, /STATE_NOT_WRITABLE/);
  }
});

test("an earlier segmentation is kept: another one is refused", async () => {
  const it = new Bench();
  assert.equal((await it.populate(["--segment", "month"])).code, 0);
  const refused = await it.populate(["--segment", "year", "--start-date", day, "--end-date", addDays(day, 1)]);
  assert.equal(refused.code, 4, refused.stderr);
  assert.match(refused.stderr, /resets by month.*SEGMENTATION_FIXED/s);
});

test("the archive of a built day is revised: verify --deep says so", async () => {
  const it = new Bench();
  assert.equal((await it.populate()).code, 0);
  it.archive.putLines(
    next,
    replaced(50, (f) => (f[1] = "60500.00")),
  );
  const outcome = await barkeep(["verify", "BTCUSDT@50", "--deep", "--archive", it.archive.root, "--state", it.state]);
  assert.equal(outcome.code, 1);
  assert.match(outcome.stderr, /ARCHIVE_REVISED/);
});

test("interrupted at any moment: 130, and the next run ends with the bytes of a clean one", async () => {
  const clean = new Bench();
  clean.archive.putWalk(day, 12, perDay);
  const dates = ["--start-date", day, "--end-date", addDays(day, 11)];
  assert.equal((await clean.populate(dates)).code, 0);
  const [expected] = await clean.status();

  await using server = new ArchiveServer(clean.archive.root);
  const base = await server.start();
  const state = join(temporaryFolder("interrupted"), "state");
  mkdirSync(state);
  const words = ["populate", "--symbol", "BTCUSDT", "--threshold", "50", ...dates];
  const common = ["--archive", base, "--symbols", clean.symbols, "--state", state];
  let interrupted = 0;
  for (const afterRequests of [1, 6, 12, 18]) {
    const seen = server.requests.length;
    const child = spawn(process.execPath, [join(projectRoot, "bin/barkeep.mjs"), ...words, ...common], {
      stdio: "ignore",
    });
    const ended = once(child, "exit");
    // Once: what comes while it ends would be the system's to answer, as for any program.
    while (child.exitCode === null && server.requests.length < seen + afterRequests) await delay(2);
    child.kill("SIGINT");
    await ended;
    const code = child.exitCode;
    assert.ok(code === 130 || code === 0, `exit ${code}`);
    if (code === 130) interrupted += 1;
  }
  assert.ok(interrupted > 0, "no run was interrupted");
  assert.equal((await barkeep([...words, ...common])).code, 0);
  assert.equal((await clean.status({}, state))[0]?.digest, expected?.digest);
});

test("an earlier start than the build's: refused with what to do, the rest is built; not when nothing is published there", async () => {
  const it = new Bench();
  const later = ["--start-date", next, "--end-date", next];
  assert.equal((await it.populate(later)).code, 0);
  it.archive.putLines(addDays(next, 1), linesOf(walkOf(addDays(next, 1), 1000 + 2 * perDay, perDay)));
  const refused = await it.populate(["--start-date", day, "--end-date", addDays(next, 1)]);
  assert.equal(refused.code, 4, refused.stderr);
  assert.match(refused.stderr, /BTCUSDT@50:2024 begins at 2024-03-06.*2024-03-05.*\(START_BEFORE_BUILD\)/s);
  assert.equal((await it.status())[0]?.days, 2);
  unlinkSync(it.archive.pathOf(day));
  assert.equal((await it.populate(["--start-date", day, "--end-date", addDays(next, 1)])).code, 0);
});

test("one declared day does not hide undeclared ones beside it", async () => {
  const it = new Bench();
  const late = addDays(day, 4);
  it.archive.putLines(late, linesOf(walkOf(late, 9000, perDay)));
  writeFileSync(
    it.symbols,
    minimalRegistry(
      `known_gaps = [{ start_date = ${addDays(day, 2)}, end_date = ${addDays(day, 2)}, reason = "test" }]\n`,
    ),
  );
  const dates = ["--start-date", day, "--end-date", late];
  assert.equal((await it.populate(dates)).code, 1);
  assert.equal((await it.status())[0]?.complete, false);
});

test("a segment whose last day has no archive still ends with its flagged orphan, in one run and in two", async () => {
  for (const runs of [1, 2]) {
    const it = new Bench();
    const last = parseDay("2024-03-30");
    const first = parseDay("2024-04-01");
    it.archive.putLines(last, linesOf(walkOf(last, 5000, perDay)));
    it.archive.putLines(first, linesOf(walkOf(first, 5000 + perDay, perDay)));
    const asked = ["--start-date", last, "--segment", "month"];
    if (runs === 2) assert.equal((await it.populate([...asked, "--end-date", last])).code, 0);
    const outcome = await it.populate([...asked, "--end-date", first]);
    assert.match(outcome.stderr, /\(MISSING_DAY\)/);
    const place = ["--state", it.state, "--symbols", it.symbols];
    const orphansNow = async (): Promise<string[]> => {
      const words = ["export-bars", "BTCUSDT@50", "--columns", "all", "--orphans", "--exact", ...place];
      return (await barkeep(words)).stdout.split("\n").filter((line) => line.includes(",month_boundary,"));
    };
    const orphans = await orphansNow();
    assert.equal(orphans.length, 1, `${runs} runs`);
    assert.ok(orphans[0]?.includes(`,${4999 + perDay},`), orphans[0]);
    assert.equal((await it.status())[0]?.complete, true);
    const verified = await barkeep(["verify", "BTCUSDT@50", "--deep", "--archive", it.archive.root, ...place]);
    assert.equal(verified.code, 0, verified.stdout + verified.stderr);
    await it.populate([...asked, "--end-date", first]);
    assert.deepEqual(await orphansNow(), orphans, "again changes nothing");
  }
});

test("ids that are lost across a reset are told, in one run and in two", async () => {
  for (const runs of [1, 2]) {
    const it = new Bench();
    const last = parseDay("2024-03-31");
    const first = parseDay("2024-04-01");
    it.archive.putLines(last, linesOf(walkOf(last, 5000, perDay)));
    it.archive.putLines(first, linesOf(walkOf(first, 5000 + perDay + 7, perDay)));
    const monthly = ["--segment", "month", "--start-date", last];
    if (runs === 2) assert.equal((await it.populate([...monthly, "--end-date", last])).code, 0);
    const outcome = await it.populate([...monthly, "--end-date", first]);
    assert.equal(outcome.code, 1, outcome.stderr);
    assert.match(outcome.stderr, new RegExp(`ids ${5000 + perDay} … ${5006 + perDay} are missing.*\\(ID_HOLE\\)`, "s"));
  }
});

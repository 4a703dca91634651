import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { tableFromIPC, type Table } from "apache-arrow";
import { execa } from "execa";
import { z } from "zod";
import { addDays, dayStartMs, parseDay, type Day } from "../../lib/model/day.ts";
import { exitCodes } from "../../lib/model/exit-codes.ts";
import { barColumns, digestColumns, openStore } from "../../lib/store/index.ts";
import exportBars from "../../ops/export-bars.ts";
import { ran, type Ran } from "../command/run.ts";
import { ArchiveFolder, linesOf, walkOf, type TradeFields } from "../rig/make-archive.ts";
import { barkeep, projectRoot, temporaryFolder } from "./run.ts";

/** Four days over the end of a month (a reset), with a hole of ids in the second: two kinds of orphans, a forming bar. */
const first = parseDay("2024-03-30");
const days = [0, 1, 2, 3].map((count) => addDays(first, count));
const perDay = 240;
const series = "BTCUSDT@100";
const state = join(temporaryFolder("export-state"), "state");
const folder = temporaryFolder("export");
const symbols = join(folder, "symbols.toml");

type Row = Readonly<Record<string, string>>;

function parseCsv(text: string): Row[] {
  const [header = "", ...lines] = text.split("\n").filter((line) => line !== "");
  const names = header.split(",");
  return lines.map((line) => {
    const cells = line.split(",");
    assert.equal(cells.length, names.length, line);
    return Object.fromEntries(names.map((name, i) => [name, cells[i] ?? ""]));
  });
}

/** Runs the program in this process: there are many exports here. */
async function ranExport(...words: readonly string[]): Promise<Ran> {
  const at = words.includes("--state") ? [] : ["--state", state];
  return ran(exportBars, [...words, ...at]);
}

async function exported(...words: readonly string[]): Promise<string> {
  return (await exportedBytes(...words)).toString("utf8");
}

async function exportedBytes(...words: readonly string[]): Promise<Buffer> {
  const { code, bytes, stderr } = await ranExport(series, ...words);
  assert.equal(code, exitCodes.ok, stderr);
  assert.equal(stderr, "");
  return bytes;
}

function within(from: Day | undefined, to: Day | undefined): Row[] {
  return bars.filter((row) => {
    const closed = BigInt(row["close_time"] ?? "");
    return (from === undefined || closed >= startUs(from)) && (to === undefined || closed < startUs(addDays(to, 1)));
  });
}

/** The prices of this stream go up and down every three trades, by more than the band: bars close at each third trade. */
function tradesOf(day: Day, i: number): TradeFields[] {
  const trades = walkOf(day, 1000 + i * perDay, perDay);
  for (const [at, trade] of trades.entries()) {
    trade.price = `${60_000 + 400 * (Math.floor((i * perDay + at) / 3) % 2)}.5`;
  }
  const last = trades.at(-1);
  assert.ok(last !== undefined);
  last.timeMs = dayStartMs(addDays(day, 1)) - 1;
  // A bar that closes in the last millisecond of the first day.
  if (i === 0) last.price = "70000.12345678";
  return trades;
}

function without(row: Row, ...names: readonly string[]): Row {
  return Object.fromEntries(Object.entries(row).filter(([name]) => !names.includes(name)));
}

function baseOf(row: Row): Row {
  return Object.fromEntries([...digestColumns, "complete"].map((name) => [name, row[name] ?? ""]));
}

function orphanCells(row: Row): Row {
  return { is_orphan: row["is_orphan"] ?? "", orphan_reason: row["orphan_reason"] ?? "" };
}

function startUs(day: Day): bigint {
  return BigInt(dayStartMs(day)) * 1000n;
}

/** All there is: every column, orphans, the forming bar last; integers as stored. */
let reference: readonly Row[] = [];
/** The completed bars of it. */
let bars: readonly Row[] = [];

before(async () => {
  const archive = new ArchiveFolder(temporaryFolder("export-archive"));
  for (const [i, day] of days.entries()) {
    const lines = linesOf(tradesOf(day, i));
    archive.putLines(day, i === 1 ? [...lines.slice(0, 101), ...lines.slice(120)] : lines);
  }
  writeFileSync(
    symbols,
    `schema_version = 2
[symbols.BTCUSDT]
enabled = true
asset_class = "crypto"
exchange = "binance"
market = "spot"
listing_date = 2017-08-17
min_threshold = 1
`,
  );
  const dates = ["--start-date", first, "--end-date", days[3] ?? first];
  const common = ["--archive", archive.root, "--symbols", symbols, "--state", state];
  const built = await barkeep([
    "populate",
    "--symbol",
    "BTCUSDT",
    "--threshold",
    "100",
    "--threshold",
    "250",
    "--segment",
    "month",
    ...dates,
    ...common,
  ]);
  assert.equal(built.code, exitCodes.findings, built.stderr);
  reference = parseCsv(await exported("--columns", "all", "--orphans", "--incomplete", "--exact"));
  bars = reference.filter((row) => row["is_orphan"] === "0" && row["complete"] === "1");
});

test("the series of these tests has completed bars, orphans of both kinds, and a forming bar", () => {
  const reasons = new Set(reference.map((row) => row["orphan_reason"]));
  assert.ok(bars.length > 250, `${bars.length}`);
  assert.ok(reasons.has("none") && reasons.has("id_gap"), [...reasons].join());
  assert.ok(reasons.size >= 3, [...reasons].join());
  assert.equal(reference.filter((row) => row["complete"] === "0").length, 1);
  const closes = new Set(bars.map((row) => BigInt(row["close_time"] ?? "")));
  assert.ok(
    days.some((day) => closes.has(startUs(day))),
    "a bar that closes at midnight",
  );
  const lastMs = days.map((day) => startUs(addDays(day, 1)) - 1000n);
  assert.ok(
    lastMs.some((us) => closes.has(us)),
    "a bar that closes in a day's last millisecond",
  );
});

test("without a word: completed bars, base columns, in the order of their ids", async () => {
  const rows = parseCsv(await exported("--exact"));
  assert.deepEqual(rows, bars.map(baseOf));
  const ids = rows.map((row) => BigInt(row["first_agg_trade_id"] ?? ""));
  ids.forEach((id, i) => assert.ok(i === 0 || id > (ids[i - 1] ?? id), "in order"));
});

test("--columns all has every column of a bar; base is the first 21", async () => {
  const [header = ""] = (await exported("--columns", "all")).split("\n");
  assert.equal(header, [...barColumns, "complete"].join(","));
  const [base = ""] = (await exported()).split("\n");
  assert.equal(base, [...barColumns.slice(0, 21), "complete"].join(","));
});

test("--orphans adds the orphans and says why; --incomplete adds the forming bar, last", async () => {
  const withOrphans = parseCsv(await exported("--orphans", "--exact"));
  const expected = reference.filter((row) => row["complete"] === "1");
  assert.deepEqual(
    withOrphans,
    expected.map((row) => Object.assign(baseOf(row), orphanCells(row))),
  );
  const withForming = parseCsv(await exported("--incomplete", "--exact"));
  assert.deepEqual(withForming.slice(0, -1), bars.map(baseOf));
  assert.deepEqual(withForming.at(-1), baseOf(reference.at(-1) ?? {}));
  assert.equal(withForming.at(-1)?.["complete"], "0");
  assert.equal(withForming.at(-1)?.["last_agg_trade_id"], String(999 + 4 * perDay), "it ends at the last trade");
});

test("--from and --to are UTC days, both inclusive, by close time", async () => {
  const seen: number[] = [];
  for (const [from, to] of [
    [days[1], days[1]],
    [days[1], days[2]],
    [days[2], undefined],
    [undefined, days[0]],
  ] as const) {
    const words = [...(from === undefined ? [] : ["--from", from]), ...(to === undefined ? [] : ["--to", to])];
    const rows = parseCsv(await exported("--exact", ...words));
    assert.deepEqual(rows, within(from, to).map(baseOf), words.join(" "));
    seen.push(rows.length);
  }
  assert.ok(seen.every((count) => count > 0 && count < bars.length));
  assert.deepEqual(parseCsv(await exported("--exact", "--from", "2030-01-01")), []);
});

test("the days of a series, exported one by one, are the series: nothing twice, nothing lost", async () => {
  const each: Row[] = [];
  for (const day of days) each.push(...parseCsv(await exported("--exact", "--from", day, "--to", day)));
  assert.deepEqual(each, bars.map(baseOf));
});

test("the forming bar is left out where its last trade is outside the days asked for", async () => {
  const rows = parseCsv(await exported("--exact", "--incomplete", "--to", days[2] ?? first));
  assert.ok(rows.length > 0);
  assert.ok(rows.every((row) => row["complete"] === "1"));
});

/** A decimal text as an integer of so many decimals. */
function scaled(text: string, decimals: number): bigint {
  const [whole = "", fraction = ""] = text.split(".");
  assert.ok(fraction.length <= decimals, text);
  return BigInt(whole + fraction.padEnd(decimals, "0"));
}

function timeUs(text: string): bigint {
  assert.match(text, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
  return BigInt(Date.parse(`${text.slice(0, 23)}Z`)) * 1000n + BigInt(text.slice(23, 26));
}

test("decimals and ISO times say the same as the integers, digit by digit", async () => {
  const rows = parseCsv(await exported("--columns", "all", "--orphans", "--incomplete"));
  assert.equal(rows.length, reference.length);
  const decimals = new Map<string, number>([
    ...["open", "high", "low", "close", "vwap", "volume", "buy_volume", "sell_volume"].map(
      (name) => [name, 8] as const,
    ),
    ...["turnover", "buy_turnover", "sell_turnover"].map((name) => [name, 16] as const),
  ]);
  rows.forEach((row, i) => {
    for (const [name, text] of Object.entries(row)) {
      const places = decimals.get(name);
      const read =
        places !== undefined
          ? scaled(text, places).toString()
          : name === "open_time" || name === "close_time"
            ? timeUs(text).toString()
            : text;
      assert.equal(read, reference[i]?.[name], `row ${i} ${name}`);
    }
  });
});

const cell = z.union([z.string(), z.number(), z.bigint()]);
const jsonRow = z.record(z.string(), z.union([z.string(), z.number()]));

test("NDJSON has the same cells under the same names; wide integers as text", async () => {
  for (const exact of [[], ["--exact"]]) {
    const words = ["--columns", "all", "--orphans", "--incomplete", ...exact];
    const csv = parseCsv(await exported(...words));
    const lines = (await exported("--format", "ndjson", ...words)).split("\n").filter((line) => line !== "");
    const rows = lines.map((line) => jsonRow.parse(JSON.parse(line)));
    assert.equal(rows.length, csv.length);
    rows.forEach((row, i) => {
      assert.deepEqual(Object.keys(row), Object.keys(csv[i] ?? {}));
      for (const [name, value] of Object.entries(row)) assert.equal(String(value), csv[i]?.[name], `row ${i} ${name}`);
      assert.equal(typeof row["turnover"], "string");
      assert.equal(typeof row["close_time"], "string");
    });
  }
});

function numberOf(text: string | undefined): number {
  // Zero has one sign here.
  return Number(text) + 0;
}

/** An Arrow cell as the text that --exact writes; a decimal comes as its 32-bit words, the lowest first. */
function cellText(value: unknown): string {
  if (!(value instanceof Uint32Array)) return String(cell.parse(value));
  const bits = value.reduceRight((sum, word) => (sum << 32n) | BigInt(word), 0n);
  return BigInt.asIntN(32 * value.length, bits).toString();
}

function arrowRows(table: Table): Row[] {
  const names = table.schema.fields.map((field) => field.name);
  return Array.from({ length: table.numRows }, (_, row) =>
    Object.fromEntries(names.map((name) => [name, cellText(table.getChild(name)?.get(row))])),
  );
}

test("Arrow has the same rows, read by another program", async () => {
  const all = tableFromIPC(await exportedBytes("--format", "arrow", "--columns", "all", "--orphans"));
  assert.deepEqual(
    arrowRows(all),
    reference.filter((row) => row["complete"] === "1"),
  );
  const day = days[1] ?? first;
  const some = tableFromIPC(await exportedBytes("--format", "arrow", "--from", day, "--to", day));
  assert.deepEqual(arrowRows(some), parseCsv(await exported("--exact", "--from", day, "--to", day)));
});

test("Parquet has the same rows, read by the engine", async () => {
  const words = ["--format", "parquet", "--columns", "all", "--orphans"];
  const file = join(folder, "bars.parquet");
  writeFileSync(file, await exportedBytes(...words));
  const store = await openStore({ stateDirectory: join(temporaryFolder("parquet"), "state") });
  try {
    const select = [...barColumns, "complete"].map((name) => `toString(${name}) AS ${name}`);
    const rows = await store.rows(
      `SELECT ${select.join(", ")} FROM file('${file}', Parquet)`,
      z.record(z.string(), z.string()),
    );
    const floats = new Set<string>(
      barColumns
        .slice(barColumns.indexOf("ofi"), barColumns.indexOf("is_orphan"))
        .filter((name) => name !== "duration_us"),
    );
    const expected = reference.filter((row) => row["complete"] === "1");
    assert.equal(rows.length, expected.length);
    rows.forEach((row, i) => {
      assert.deepEqual(without(row, ...floats), without(expected[i] ?? {}, ...floats), `row ${i}`);
      // The engine writes -0 and 1e21 where JavaScript writes 0 and 1e+21: the numbers are compared.
      for (const name of floats) assert.equal(numberOf(row[name]), numberOf(expected[i]?.[name]), `row ${i} ${name}`);
    });
  } finally {
    await store.close();
  }
});

test("a series that is not there: exit 3, what is there; a name that is not unique asks for the whole", async () => {
  const { code, stdout, stderr } = await ranExport("ETHUSDT@100");
  assert.equal(code, exitCodes.usage);
  assert.equal(stdout, "");
  assert.match(stderr, /no series ETHUSDT@100/);
  assert.match(stderr, /it holds range:binance\/spot\/BTCUSDT@100, range:binance\/spot\/BTCUSDT@250/);
  const empty = await ranExport(series, "--state", join(folder, "empty"));
  assert.equal(empty.code, exitCodes.usage);
  assert.match(empty.stderr, /it is empty: run populate first/);
  const whole = await ranExport(`range:binance/spot/${series}`, "--exact");
  assert.deepEqual(parseCsv(whole.stdout), bars.map(baseOf));
});

test("--from after --to, and a forming bar in Arrow or Parquet, are refused before anything is written", async () => {
  const swapped = await barkeep([
    "export-bars",
    series,
    "--from",
    "2024-04-02",
    "--to",
    "2024-04-01",
    "--state",
    state,
  ]);
  assert.equal(swapped.code, exitCodes.usage);
  assert.match(swapped.stderr, /\(END_BEFORE_START\)/);
  for (const format of ["arrow", "parquet"]) {
    const outcome = await ranExport(series, "--incomplete", "--format", format);
    assert.equal(outcome.code, exitCodes.usage);
    assert.equal(outcome.stdout, "");
    assert.match(outcome.stderr, /--incomplete does not go with --format/);
  }
});

test("a reader that stops early ends the export without an error", async () => {
  const { exitCode, stdout, stderr } = await execa(
    "sh",
    ["-c", '"$0" bin/barkeep.mjs export-bars "$1" --state "$2" | head -n 2', process.execPath, series, state],
    { reject: false, cwd: projectRoot },
  );
  assert.equal(exitCode, 0);
  assert.equal(stderr, "");
  assert.equal(stdout.split("\n").length, 2);
});

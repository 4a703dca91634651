import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { z } from "zod";
import { addDays, parseDay } from "../../lib/model/day.ts";
import { exitCodes } from "../../lib/model/exit-codes.ts";
import { ArchiveServer } from "../rig/archive-server.ts";
import { clockAt } from "../rig/clock.ts";
import { ArchiveFolder } from "../rig/make-archive.ts";
import { barkeep, temporaryFolder, type Outcome } from "./run.ts";

const first = parseDay("2024-12-29");
const days = 6;
const last = addDays(first, days - 1);
const perDay = 300;

const archive = new ArchiveFolder(temporaryFolder("plan-archive"));
archive.putWalk(first, days, perDay);
const folder = temporaryFolder("plan");
const symbols = join(folder, "symbols.toml");
writeFileSync(
  symbols,
  `schema_version = 2
[symbols.BTCUSDT]
enabled = true
asset_class = "crypto"
exchange = "binance"
market = "spot"
listing_date = 2017-08-17
effective_start = ${first}
min_threshold = 25
[symbols.SHIBUSDT]
enabled = true
asset_class = "crypto"
exchange = "binance"
market = "spot"
listing_date = 2021-05-10
min_threshold = 750
[symbols.OLDUSDT]
enabled = false
asset_class = "crypto"
exchange = "binance"
market = "spot"
listing_date = 2021-05-10
`,
);

const planShape = z.object({
  version: z.literal(1),
  plan: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .nullable(),
  apply: z.string().nullable(),
  units: z.array(
    z.object({
      unit: z.string(),
      from: z.string(),
      to: z.string(),
      days: z.int().positive(),
      archive_bytes: z.int().nonnegative(),
      bars: z.int().nonnegative(),
      store_bytes: z.int().nonnegative(),
      memory_bytes: z.int().positive(),
      seconds: z.number().nonnegative(),
    }),
  ),
  disk_bytes: z.number().nonnegative(),
  free_bytes: z.number().positive(),
  memory_bytes: z.number().nonnegative(),
  seconds: z.number().nonnegative(),
});
type Plan = z.infer<typeof planShape>;

async function populate(state: string, words: readonly string[], env: Record<string, string> = {}): Promise<Outcome> {
  const from = words.includes("--archive") ? [] : ["--archive", archive.root];
  return barkeep(["populate", ...from, "--symbols", symbols, "--state", state, ...words], env);
}

async function plan(state: string, words: readonly string[], env: Record<string, string> = {}): Promise<Plan> {
  const { code, stdout, stderr } = await populate(state, ["--plan", "--json", ...words], env);
  assert.equal(code, exitCodes.ok, stderr);
  return planShape.parse(JSON.parse(stdout));
}

function newState(): string {
  return join(temporaryFolder("plan-state"), "state");
}

/** Everything in a folder: names, sizes and contents. */
function photograph(root: string): Map<string, string> {
  const entries = readdirSync(root, { recursive: true, encoding: "utf8" }).sort();
  return new Map(
    entries.map((name) => {
      const path = join(root, name);
      return [
        name,
        statSync(path).isFile() ? createHash("sha256").update(readFileSync(path)).digest("hex") : "not a file",
      ];
    }),
  );
}

function bytesOf(from: string, to: string): number {
  let bytes = 0;
  for (let day = parseDay(from); day <= to; day = addDays(day, 1)) bytes += statSync(archive.pathOf(day)).size;
  return bytes;
}

function until(day: string): string[] {
  return ["--symbol", "BTCUSDT", "--threshold", "50", "--end-date", day];
}

async function planOf(symbol: string, env: Record<string, string> = {}): Promise<Outcome> {
  const dates = ["--start-date", first, "--end-date", last];
  return populate(newState(), ["--plan", "--symbol", symbol, "--threshold", "250", ...dates], env);
}

const asked = ["--symbol", "BTCUSDT", "--threshold", "50", "--threshold", "100", "--end-date", last];

test("a plan has a unit per series and segment, with its days, bytes, bars, memory and time", async () => {
  const state = newState();
  const {
    units,
    disk_bytes: diskBytes,
    memory_bytes: memoryBytes,
    seconds,
    free_bytes: freeBytes,
  } = await plan(state, asked);
  assert.deepEqual(
    units.map(({ unit, from, to, days }) => ({ unit, from, to, days })),
    [
      { unit: "BTCUSDT@50:2024", from: "2024-12-29", to: "2024-12-31", days: 3 },
      { unit: "BTCUSDT@100:2024", from: "2024-12-29", to: "2024-12-31", days: 3 },
      { unit: "BTCUSDT@50:2025", from: "2025-01-01", to: "2025-01-03", days: 3 },
      { unit: "BTCUSDT@100:2025", from: "2025-01-01", to: "2025-01-03", days: 3 },
    ],
  );
  for (const unit of units) {
    const actual = bytesOf(unit.from, unit.to);
    assert.ok(
      Math.abs(unit.archive_bytes - actual) <= 2,
      `${unit.archive_bytes} of ${actual}: three days are all of it`,
    );
    assert.ok(unit.store_bytes > unit.bars, "a bar takes more than a byte");
    assert.ok(unit.bars <= 3 * perDay, "no more bars than trades");
  }
  assert.equal(
    diskBytes,
    units.reduce((sum, unit) => sum + unit.store_bytes, 0),
    "archives that lie here need no room",
  );
  assert.equal(memoryBytes, Math.max(...units.map((unit) => unit.memory_bytes)));
  const passes = (units[0]?.seconds ?? 0) + (units[2]?.seconds ?? 0);
  assert.ok(Math.abs(seconds - passes) < 1e-9, "the thresholds share one pass");
  assert.ok(freeBytes > 0);
  assert.deepEqual(readdirSync(state), ["ledger.sqlite"], "the plan is kept; no store was made");
});

test("the same as text: a line per unit, then disk, memory and time", async () => {
  const state = newState();
  const { code, stdout, stderr } = await populate(state, ["--plan", ...asked]);
  assert.equal(code, exitCodes.ok, stderr);
  const lines = stdout.split("\n");
  assert.match(lines[0] ?? "", /^unit +from +to +days +archives +bars \(guess\) +store$/);
  assert.equal(lines.length, 7);
  assert.match(lines[1] ?? "", /^BTCUSDT@50:2024 +2024-12-29 +2024-12-31 +3 +[\d.]+ kB +\d+ +[\d.]+ k?B$/);
  assert.match(lines[5] ?? "", /^disk [\d.]+ \w+ of [\d.]+ \w+ free, memory [\d.]+ MB, about [\d.]+ s$/);
  assert.match(lines[6] ?? "", /^exactly this: barkeep apply [0-9a-f]{12}$/);
  assert.deepEqual(readdirSync(state), ["ledger.sqlite"]);
});

test("the same plan made twice is one, under the same id; another one has another id", async () => {
  const state = newState();
  const ids = [await plan(state, asked), await plan(state, asked), await plan(state, until(last))].map(
    ({ plan }) => plan,
  );
  assert.equal(ids[0], ids[1]);
  assert.notEqual(ids[0], ids[2]);
});

test("months and weeks make other units", async () => {
  const state = newState();
  const one = ["--symbol", "BTCUSDT", "--threshold", "50", "--end-date", last];
  const names = async (words: readonly string[], env: Record<string, string> = {}): Promise<string[]> =>
    (await plan(state, [...one, ...words], env)).units.map(({ unit }) => unit);
  assert.deepEqual(await names(["--segment", "month"]), ["BTCUSDT@50:2024-12", "BTCUSDT@50:2025-01"]);
  assert.deepEqual(await names(["--segment", "week"]), ["BTCUSDT@50:w2024-12-29"]);
  assert.deepEqual(await names([], { RANGEBAR_OUROBOROS_MODE: "month" }), ["BTCUSDT@50:2024-12", "BTCUSDT@50:2025-01"]);
  assert.deepEqual(await names(["--segment", "week"], { RANGEBAR_OUROBOROS_MODE: "month" }), [
    "BTCUSDT@50:w2024-12-29",
  ]);
});

test("archives that must be fetched need room on the disk; sizes are asked for, nothing is fetched", async () => {
  const state = newState();
  await using server = new ArchiveServer(archive.root);
  const url = await server.start();
  const { units, disk_bytes: diskBytes } = await plan(state, [...asked, "--archive", url]);
  const fetched = (units[0]?.archive_bytes ?? 0) + (units[2]?.archive_bytes ?? 0);
  assert.ok(fetched > 0);
  assert.equal(diskBytes, fetched + units.reduce((sum, unit) => sum + unit.store_bytes, 0));
  assert.deepEqual(readdirSync(state), ["ledger.sqlite"]);
});

test("archives that lie in the mirror already need no room", async () => {
  const state = newState();
  await using server = new ArchiveServer(archive.root);
  const from = ["--archive", await server.start()];
  assert.equal((await populate(state, [...until(last), ...from])).code, exitCodes.ok);
  const { units, disk_bytes: diskBytes } = await plan(state, [...until(last), "--threshold", "100", ...from]);
  assert.equal(
    diskBytes,
    units.reduce((sum, unit) => sum + unit.store_bytes, 0),
  );
});

test("what is built already is not planned again; what is new is, from the day after", async () => {
  const state = newState();
  const built = addDays(first, 3);
  assert.equal((await populate(state, until(built))).code, exitCodes.ok);
  const all = await populate(state, ["--plan", ...until(built)]);
  assert.equal(all.code, exitCodes.ok, all.stderr);
  assert.equal(all.stdout, "nothing to do: every day asked for is built");
  const none = await plan(state, until(built));
  assert.deepEqual(none.units, []);
  assert.equal(none.plan, null, "nothing to do is no plan to keep");
  assert.equal(none.disk_bytes, 0);
  assert.equal(none.memory_bytes, 0);
  assert.equal(none.seconds, 0);
  const rest = await plan(state, until(last));
  assert.deepEqual(
    rest.units.map(({ unit, from, to }) => ({ unit, from, to })),
    [{ unit: "BTCUSDT@50:2025", from: addDays(built, 1), to: last }],
  );
});

test("a series that is built is not planned again beside one that lacks everything", async () => {
  const state = newState();
  assert.equal((await populate(state, until(last))).code, exitCodes.ok);
  const { units } = await plan(state, [...until(last), "--threshold", "100"]);
  assert.deepEqual(
    units.map(({ unit }) => unit),
    ["BTCUSDT@100:2024", "BTCUSDT@100:2025"],
  );
});

test("a plan beside a store changes nothing of what the store says", async () => {
  const state = newState();
  const words = ["--symbol", "BTCUSDT", "--threshold", "50", "--end-date", addDays(first, 1)];
  assert.equal((await populate(state, words)).code, exitCodes.ok);
  const said = async (): Promise<string> =>
    (await barkeep(["status", "--json", "--state", state, "--symbols", symbols])).stdout;
  const before = await said();
  const archiveBefore = photograph(archive.root);
  await plan(state, asked);
  assert.equal(await said(), before);
  assert.deepEqual(photograph(archive.root), archiveBefore);
});

test("an end of today or later is brought back to yesterday, and that is said", async () => {
  const today = addDays(last, 1);
  for (const end of [today, addDays(today, 1), parseDay("2999-12-31")]) {
    const words = ["--plan", "--symbol", "BTCUSDT", "--threshold", "50", "--end-date", end];
    // At noon: no midnight comes in between.
    const { code, stdout, stderr } = await populate(newState(), words, clockAt(`${today}T12:00:00Z`));
    assert.equal(code, exitCodes.ok, stderr);
    assert.ok(stderr.includes(`BTCUSDT: ends at ${last} instead of ${end}`), stderr);
    assert.ok(stdout.includes(` ${last} `), stdout);
  }
  const past = await populate(newState(), ["--plan", ...asked]);
  assert.equal(past.stderr, "", "an end that has passed needs no remark");
});

test("a start before the effective one is brought forward, and that is said", async () => {
  const words = ["--symbol", "BTCUSDT", "--threshold", "50", "--start-date", "2018-01-01", "--end-date", last];
  const { code, stdout, stderr } = await populate(newState(), ["--plan", ...words]);
  assert.equal(code, exitCodes.ok, stderr);
  assert.match(stderr, /BTCUSDT: starts at 2024-12-29, the registry's effective start, instead of 2018-01-01/);
  assert.ok(!stdout.includes("2018"));
});

test("without an end the last published day is the end", async () => {
  const { units } = await plan(newState(), ["--symbol", "BTCUSDT", "--threshold", "50"]);
  assert.equal(units.at(-1)?.to, last);
});

test("one illegal pair is refused with its floor and the setting that allows it; the setting does allow it", async () => {
  const state = newState();
  const words = ["--plan", "--symbol", "BTCUSDT", "--threshold", "24", "--end-date", last];
  const refused = await populate(state, words);
  assert.equal(refused.code, exitCodes.refused);
  assert.equal(refused.stdout, "");
  assert.match(refused.stderr, /BTCUSDT@24 is below the symbol's floor of 25 dbps \(min_threshold in the registry\)/);
  assert.match(refused.stderr, /what to do: .*RANGEBAR_MIN_THRESHOLD_BTCUSDT=24/);
  assert.equal(existsSync(state), false);
  const allowed = await populate(state, words, { RANGEBAR_MIN_THRESHOLD_BTCUSDT: "24" });
  assert.equal(allowed.code, exitCodes.ok, allowed.stderr);
  assert.match(allowed.stdout, /^BTCUSDT@24:2024 /m);
});

test("every illegal pair is told at once, and no legal one among them", async () => {
  const words = [
    "--symbol",
    "BTCUSDT",
    "--symbol",
    "SHIBUSDT",
    "--threshold",
    "10",
    "--threshold",
    "250",
    "--plan",
    "--json",
  ];
  const { code, stdout, stderr } = await populate(newState(), words);
  assert.equal(code, exitCodes.refused);
  for (const pair of ["BTCUSDT@10", "SHIBUSDT@10", "SHIBUSDT@250"]) {
    const [symbol = "", threshold = ""] = pair.split("@");
    assert.ok(stderr.includes(`${pair} is below`), stderr);
    assert.ok(stderr.includes(`RANGEBAR_MIN_THRESHOLD_${symbol}=${threshold}`), stderr);
  }
  assert.ok(!stderr.includes("BTCUSDT@250"));
  const { error } = z
    .object({ error: z.object({ code: z.string(), message: z.string(), hint: z.string() }) })
    .parse(JSON.parse(stdout));
  assert.equal(error.code, "THRESHOLD_BELOW_FLOOR");
  assert.ok(error.message.includes("SHIBUSDT@250"));
});

test("a disabled and an unknown symbol are refused with the way to let them through", async () => {
  const disabled = await planOf("OLDUSDT");
  assert.equal(disabled.code, exitCodes.refused);
  assert.match(disabled.stderr, /OLDUSDT is disabled.*RANGEBAR_SYMBOL_GATE=warn.*\(SYMBOL_DISABLED\)/s);
  const unknown = await planOf("NOPEUSDT");
  assert.equal(unknown.code, exitCodes.usage);
  assert.match(unknown.stderr, /NOPEUSDT is not in the registry.*BTCUSDT, SHIBUSDT, OLDUSDT.*\(UNKNOWN_SYMBOL\)/s);
  const warned = await planOf("NOPEUSDT", { RANGEBAR_SYMBOL_GATE: "warn" });
  assert.match(warned.stderr, /NOPEUSDT is not in the registry.*going on/);
  const silent = await planOf("NOPEUSDT", { RANGEBAR_SYMBOL_GATE: "off" });
  assert.ok(!silent.stderr.includes("not in the registry"), silent.stderr);
});

test("the same symbol and threshold twice is one unit", async () => {
  const { units } = await plan(newState(), [...asked, "--symbol", "BTCUSDT", "--threshold", "50"]);
  assert.equal(units.length, 4);
});

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import type { z } from "zod";
import { loadSettings, type Settings } from "../../../lib/config/index.ts";
import type { SymbolWork } from "../../../lib/datasets/range/populate.ts";
import { populateWork, type PopulateOutcome } from "../../../lib/datasets/range/run.ts";
import { openLedger, type Ledger } from "../../../lib/ledger/index.ts";
import { addDays, parseDay } from "../../../lib/model/day.ts";
import { exitCodes } from "../../../lib/model/exit-codes.ts";
import { parseThreshold, type RangeSeries } from "../../../lib/model/series.ts";
import { openArchive } from "../../../lib/sources/archive/index.ts";
import { embeddedClients } from "../../../lib/store/clients.ts";
import { fixedRoute } from "../../../lib/store/route.ts";
import { openEmbedded, Store } from "../../../lib/store/store.ts";
import { temporaryFolder } from "../../ops/run.ts";
import { ArchiveFolder } from "../../rig/make-archive.ts";

const symbols = ["AUSDT", "BUSDT", "CUSDT"];
const firstDay = parseDay("2024-08-08");
const dayCount = 3;

/** A store that tells of its statements. */
class ToldStore extends Store {
  readonly statements: string[] = [];
  /** Done behind the first commit. */
  afterCommit: (() => Promise<void>) | undefined;

  override async rows<T extends z.ZodType>(sql: string, schema: T): Promise<z.output<T>[]> {
    this.statements.push(sql);
    return super.rows(sql, schema);
  }

  override async insertRows(...words: Parameters<Store["insertRows"]>): Promise<void> {
    this.statements.push(words[0]);
    await super.insertRows(...words);
    const { afterCommit } = this;
    if (words[0] !== "barkeep.coverage" || afterCommit === undefined) return;
    this.afterCommit = undefined;
    await afterCommit();
  }
}

let owner: Store;
let store: ToldStore;
let ledger: Ledger;
let settings: Settings;

before(async () => {
  const root = temporaryFolder("one-look");
  for (const symbol of symbols) new ArchiveFolder(root, symbol).putWalk(firstDay, dayCount, 30);
  settings = loadSettings(
    { archive: root, state: join(root, "state") },
    { layers: [], values: {}, settingsFolder: root, settingsFile: undefined },
  );
  owner = await openEmbedded(settings.stateDirectory);
  ledger = openLedger(settings.stateDirectory);
  const { engine } = owner;
  assert.ok(engine !== undefined);
  store = new ToldStore(owner.where, fixedRoute(await embeddedClients(engine)));
});
after(async () => {
  ledger.close();
  await store.close();
  await owner.close();
});
beforeEach(async () => {
  for (const table of ["bars", "coverage", "pointer", "builds", "leases"]) {
    await owner.command(`TRUNCATE TABLE barkeep.${table}`);
  }
  store.statements.length = 0;
});

/** @param days of the archive's, from its first on */
async function populate(days: number, of: readonly string[] = symbols): Promise<PopulateOutcome> {
  const work = await Promise.all(of.map(async (symbol) => workOf(symbol, days)));
  const quiet = { line: () => undefined, progress: () => undefined };
  const never = new AbortController().signal;
  return populateWork({ store, ledger }, work, settings, addDays(firstDay, 30), never, quiet);
}

async function workOf(symbol: string, days: number): Promise<SymbolWork> {
  const series = [10, 40].map((one): RangeSeries => ({
    venue: "binance",
    market: "spot",
    symbol,
    threshold: parseThreshold(one),
  }));
  const source = await openArchive(settings.archive ?? "", "spot", symbol, settings.stateDirectory);
  const range = { from: firstDay, to: addDays(firstDay, days - 1), notes: [] };
  return { series, entry: undefined, range, segmentation: "year", source };
}

test("where nothing is to be done the store is asked as often for many symbols as for one", async () => {
  assert.equal((await populate(2)).exitCode, exitCodes.ok);
  store.statements.length = 0;
  const one = await populate(2, ["AUSDT"]);
  const asked = store.statements.splice(0);
  const all = await populate(2);
  assert.deepEqual([one.exitCode, all.exitCode], [exitCodes.ok, exitCodes.ok]);
  assert.deepEqual(
    all.results.map(({ symbol, days }) => [symbol, days]),
    symbols.map((symbol) => [symbol, 0]),
  );
  assert.equal(store.statements.length, asked.length, store.statements.join("\n"));
  assert.equal(asked.length, 2, asked.join("\n"));
});

test("coverage that is there twice is named as that: no bars are missing", async () => {
  assert.equal((await populate(2, ["AUSDT"])).exitCode, exitCodes.ok);
  const twice = "series = 'range:binance/spot/AUSDT@40' AND day = '2024-08-08'";
  await owner.command(`INSERT INTO barkeep.coverage SELECT * FROM barkeep.coverage WHERE ${twice}`);
  const { results, holed } = await populate(2, ["AUSDT"]);
  assert.deepEqual(
    results.flatMap(({ failures }) => failures),
    [],
  );
  assert.deepEqual(
    holed.map(({ unit }) => unit),
    ["AUSDT@40:2024"],
  );
  await owner.command("ALTER TABLE barkeep.bars DROP PARTITION ('range:binance/spot/AUSDT@40', '2024', 1)");
  const lost = await populate(2, ["AUSDT"]);
  assert.match(lost.results[0]?.failures[0]?.message ?? "", /^the store holds 0 bars of AUSDT@40:2024 where /);
});

test("a symbol whose turn comes after another was built is looked at again", async () => {
  assert.equal((await populate(2)).exitCode, exitCodes.ok);
  store.afterCommit = async () => {
    await owner.command("ALTER TABLE barkeep.bars DROP PARTITION ('range:binance/spot/CUSDT@40', '2024', 1)");
  };
  const outcome = await populate(3);
  assert.equal(outcome.exitCode, exitCodes.unavailable);
  assert.deepEqual(
    outcome.results.map(({ symbol, days, failures }) => [symbol, days, failures.map(({ code }) => code)]),
    [
      ["AUSDT", 1, []],
      ["BUSDT", 1, []],
      ["CUSDT", 1, ["BARS_MISSING"]],
    ],
  );
});

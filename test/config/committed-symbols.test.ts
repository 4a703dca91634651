import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { effectiveStart, loadRegistry, projectRoot, thresholdFloor } from "../../lib/config/index.ts";

const registry = loadRegistry(join(projectRoot, "symbols.toml"));

/** Threshold floors in dbps; symbols that stand in no row have none of their own. */
const floors: Readonly<Record<number, string>> = {
  1000: "WIF PEPE",
  750: "SHIB",
  500: "DOGE SOL AVAX NEAR UNI LINK XRP ATOM DOT ADA LTC BCH TRX ZEC HBAR TON",
};
const withoutFloor = "BTC ETH BNB AAVE FIL SUI WLD ETC XLM PAXG".split(" ").map((name) => `${name}USDT`);

/** Days that are expected later than the listing, each with what is wrong or missing before. */
const laterStarts: Readonly<Record<string, readonly [listed: string, usable: string]>> = {
  BTCUSDT: ["2017-08-17", "2018-01-16"],
  ETHUSDT: ["2017-08-17", "2018-01-16"],
  BNBUSDT: ["2017-11-06", "2018-01-16"],
  LTCUSDT: ["2017-12-13", "2018-01-16"],
  ATOMUSDT: ["2019-04-22", "2019-04-29"],
  XLMUSDT: ["2018-05-09", "2018-05-31"],
  BCHUSDT: ["2017-12-20", "2019-11-28"],
};

test("30 symbols: 29 of spot and one coin-margined future; 18 in tier 1; all enabled, all crypto on Binance", () => {
  const entries = [...registry.symbols.values()];
  assert.equal(entries.length, 30);
  assert.equal(entries.filter((entry) => entry.market === "spot").length, 29);
  assert.equal(registry.symbols.get("BTCUSD_PERP")?.market, "futures-cm");
  assert.equal(entries.filter((entry) => entry.tier === 1).length, 18);
  assert.ok(entries.every((entry) => entry.enabled && entry.assetClass === "crypto" && entry.exchange === "binance"));
});

test("the floors: 19 symbols have one of their own, the others the class's", () => {
  const expected = new Map<string, number>();
  for (const [floor, names] of Object.entries(floors)) {
    for (const name of names.split(" ")) expected.set(`${name}USDT`, Number(floor));
  }
  assert.equal(expected.size, 19);
  const actual = new Map<string, number>();
  for (const [symbol, { minThreshold }] of registry.symbols) {
    if (minThreshold !== undefined) actual.set(symbol, minThreshold);
  }
  assert.deepEqual(actual, new Map([...actual.keys()].map((symbol) => [symbol, expected.get(symbol)])));
  assert.deepEqual([...actual.keys()].sort(), [...expected.keys()].sort());
  for (const symbol of [...withoutFloor, "BTCUSD_PERP"]) {
    const entry = registry.symbols.get(symbol);
    assert.ok(entry !== undefined, symbol);
    assert.equal(thresholdFloor(entry, symbol, {}).floor, 250, symbol);
  }
});

test("seven symbols start later than they were listed, each with its reason", () => {
  const actual = [...registry.symbols].filter(([, entry]) => effectiveStart(entry) !== entry.listingDate);
  assert.deepEqual(
    Object.fromEntries(actual.map(([symbol, entry]) => [symbol, [entry.listingDate, effectiveStart(entry)]])),
    laterStarts,
  );
  for (const [symbol, entry] of actual) assert.ok((entry.reason ?? "").length > 10, symbol);
});

test("the holes that are declared: Bitcoin's two days of ghost rows, Bitcoin Cash's two years without archives", () => {
  const gaps = [...registry.symbols].flatMap(([symbol, { knownGaps }]) =>
    knownGaps.map((gap) => `${symbol} ${gap.startDate} ${gap.endDate}`),
  );
  assert.deepEqual(gaps.sort(), ["BCHUSDT 2017-12-20 2019-11-27", "BTCUSDT 2018-01-14 2018-01-15"]);
});

test("Matic went on as Pol", () => {
  const [transition, ...more] = registry.transitions.values();
  assert.deepEqual(more, []);
  assert.equal(transition?.oldSymbol, "MATICUSDT");
  assert.equal(transition.newSymbol, "POLUSDT");
  assert.equal(transition.lastDate, "2024-09-10");
  assert.equal(transition.firstDate, "2024-09-13");
  assert.equal(transition.status, "archived");
});

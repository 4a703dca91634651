import assert from "node:assert/strict";
import { Writable } from "node:stream";
import { mock, test } from "node:test";
import * as fc from "fast-check";
import type { PopulatePlan } from "../../lib/datasets/range/plan.ts";
import type { PopulateOutcome } from "../../lib/datasets/range/run.ts";
import type { SeriesStatus } from "../../lib/datasets/range/status.ts";
import { jsonDocument } from "../../lib/command/index.ts";
import { parseDay } from "../../lib/model/day.ts";
import { UpstreamDataError } from "../../lib/model/errors.ts";
import { parseSeriesId, seriesId } from "../../lib/model/series.ts";
import { planLines, populateDocument, populateLines } from "../../lib/report/populate.ts";
import { Progress, renderProgress, type ProgressState } from "../../lib/report/progress.ts";
import { statusDocument, statusLines } from "../../lib/report/status.ts";

const series = seriesId(parseSeriesId("range:binance/spot/BTCUSDT@25"));
const result: PopulateOutcome["results"][number] = {
  symbol: "BTCUSDT",
  series: [series],
  days: 3,
  trades: 1_234_567n,
  bars: 4_321,
  failures: [],
  interrupted: false,
};

function outcomeOf(...results: PopulateOutcome["results"]): PopulateOutcome {
  return { results, holed: [], elapsedMs: 2_000, exitCode: 0 };
}

function stateOf(more: Partial<typeof result>): string {
  return (
    populateLines(outcomeOf({ ...result, ...more }))[1]
      ?.split(/ {2,}/)
      .at(-1) ?? ""
  );
}

const badRow = new UpstreamDataError("line 7: no number", {
  code: "BAD_NUMBER",
  subject: "x.zip",
  hint: "fetch again",
});
const hole = new UpstreamDataError("ids are missing", { code: "ID_HOLE" });

test("populate: a line per symbol, then time and rate", () => {
  assert.deepEqual(populateLines(outcomeOf(result)), [
    "symbol   series  days     trades   bars  state",
    "BTCUSDT       1     3  1,234,567  4,321  built",
    "2.0 s, 617,284 trades/s",
  ]);
});

test("populate: nothing to do only where nothing was built and nothing went wrong", () => {
  const idle = { ...result, days: 0, trades: 0n, bars: 0 };
  assert.deepEqual(populateLines(outcomeOf(idle, idle)), ["nothing to do: every day asked for is built"]);
  const holed = [
    { unit: "BTCUSDT@25:2024", idsLacking: 3_000n },
    { unit: "BTCUSDT@50:2024", idsLacking: -5n },
  ];
  assert.deepEqual(populateLines({ ...outcomeOf(idle), holed }), [
    "nothing to do: every unit is built to the last day asked for, and a populate goes on where units end",
    "BTCUSDT@25:2024 lacks 3000 ids inside: barkeep detect-gaps says whether that is declared; barkeep heal makes it whole",
    "BTCUSDT@50:2024 holds 5 ids twice: barkeep detect-gaps says whether that is declared; barkeep heal makes it whole",
  ]);
  assert.equal(populateLines(outcomeOf(idle, result)).length, 4);
  assert.equal(populateLines(outcomeOf({ ...idle, failures: [badRow] })).length, 3);
  assert.equal(populateLines(outcomeOf({ ...idle, interrupted: true })).length, 3);
});

test("populate: what became of a symbol in a word", () => {
  assert.equal(stateOf({}), "built");
  assert.equal(stateOf({ failures: [hole, badRow] }), "bad number", "the one that stopped it");
  assert.equal(stateOf({ interrupted: true, failures: [badRow] }), "interrupted");
  const [, , idle] = populateLines(outcomeOf(result, { ...result, days: 0 }));
  assert.match(idle ?? "", /up to date$/);
});

test("populate as a document: every failure with code, what, where and what to do; trades exact", () => {
  const trades = 9_007_199_254_740_993n;
  const document: unknown = JSON.parse(
    jsonDocument(populateDocument(outcomeOf({ ...result, trades, failures: [badRow] }))),
  );
  assert.deepEqual(document, {
    version: 1,
    elapsed_ms: 2_000,
    exit_code: 0,
    holed: [],
    symbols: [
      {
        symbol: "BTCUSDT",
        series: [series],
        days: 3,
        trades: "9007199254740993",
        bars: 4_321,
        state: "bad number",
        failures: [{ code: "BAD_NUMBER", message: "line 7: no number", subject: "x.zip", hint: "fetch again" }],
      },
    ],
  });
});

test("plan: nothing to do without units; else a line each and the totals", () => {
  const plan: PopulatePlan = {
    symbols: [],
    units: [],
    holed: [],
    diskBytes: 0,
    freeBytes: 1,
    memoryBytes: 0,
    seconds: 0,
    failures: [],
  };
  assert.deepEqual(planLines(plan), ["nothing to do: every day asked for is built"]);
  const unit = {
    unit: "BTCUSDT@25:2024",
    from: "2024-01-01",
    to: "2024-12-31",
    days: 366,
    archiveBytes: 12_300_000_000,
    bars: 1_234_567,
    storeBytes: 222_000_000,
    memoryBytes: 471_859_200,
    seconds: 154,
  };
  const lines = planLines({
    units: [unit],
    holed: [],
    diskBytes: 222e6,
    freeBytes: 1e12,
    memoryBytes: 471_859_200,
    seconds: 154,
    failures: [],
  });
  assert.equal(lines.length, 3);
  assert.match(lines[1] ?? "", /^BTCUSDT@25:2024 +2024-01-01 +2024-12-31 +366 +12\.3 GB +1,234,567 +222\.0 MB$/);
  assert.equal(lines[2], "disk 222.0 MB of 1.0 TB free, memory 471.9 MB, about 2 min 34 s");
});

const status: SeriesStatus = {
  series,
  bars: 1_234n,
  firstId: 9_007_199_254_740_993n,
  lastId: 9_007_199_254_749_999n,
  days: 2,
  firstDay: parseDay("2024-08-08"),
  lastDay: parseDay("2024-08-09"),
  lastTradeUs: 1_723_161_905_800_001n,
  lastDayDone: true,
  undeclaredHoles: [],
  acceptedHoles: [],
  differing: [],
  complete: true,
  digest: 0xabcn,
};

test("status: a line per series; an empty store says what to do", () => {
  assert.deepEqual(statusLines([]), ["the store is empty: run populate first"]);
  const [, line = "", ...rest] = statusLines([status]);
  assert.deepEqual(line.split(/ {2,}/), [
    series,
    "1,234",
    "2",
    "2024-08-08",
    "2024-08-09 00:05:05.800001",
    "9007199254740993 … 9007199254749999",
    "proven",
    "0000000000000abc",
  ]);
  assert.deepEqual(rest, []);
});

test("status: every hole that nothing declares is told with its ids and days", () => {
  const missing = { fromId: 10n, throughId: 19n, dayBefore: parseDay("2024-08-08"), dayAfter: parseDay("2024-08-09") };
  const twice = { ...missing, fromId: 20n, throughId: 14n };
  const lines = statusLines([{ ...status, complete: false, undeclaredHoles: [missing, twice] }]);
  assert.match(lines[1] ?? "", / no +0000000000000abc$/);
  assert.equal(
    lines[2],
    `${series}: ids 10 … 19 are missing between 2024-08-08 and 2024-08-09; no known_gaps entry declares them`,
  );
  assert.equal(lines[3], `${series}: ids 15 … 19 are covered twice (2024-08-08, 2024-08-09)`);
});

test("status as a document: ids and times exact, holes listed", () => {
  const missing = { fromId: 10n, throughId: 19n, dayBefore: status.firstDay, dayAfter: status.lastDay };
  const accepted = { ...missing, fromId: 20n, throughId: 29n };
  const document: unknown = JSON.parse(
    jsonDocument(
      statusDocument([{ ...status, complete: false, undeclaredHoles: [missing], acceptedHoles: [accepted] }]),
    ),
  );
  assert.deepEqual(document, {
    version: 1,
    series: [
      {
        series,
        bars: 1_234,
        first_id: "9007199254740993",
        last_id: "9007199254749999",
        days: 2,
        first_day: "2024-08-08",
        last_day: "2024-08-09",
        last_day_done: true,
        last_trade_us: "1723161905800001",
        complete: false,
        differing: [],
        holes: [{ from_id: "10", through_id: "19" }],
        accepted_holes: [{ from_id: "20", through_id: "29" }],
        digest: "0000000000000abc",
      },
    ],
  });
});

const progress: ProgressState = {
  subject: "BTCUSDT",
  daysDone: 3,
  daysTotal: 12,
  trades: 6_000_000n,
  bars: 1_500,
  elapsedMs: 3_000,
};

test("progress: days, rate, bars and the time left at the pace so far", () => {
  assert.equal(renderProgress(progress), "BTCUSDT: 3/12 days, 2,000,000 trades/s, 1,500 bars committed, 9.0 s left");
  assert.equal(
    renderProgress({ ...progress, daysDone: 0, trades: 0n, bars: 0, elapsedMs: 0 }),
    "BTCUSDT: 0/12 days, 0 trades/s, 0 bars committed",
  );
});

test("progress never says what is no number", () => {
  const count = fc.integer({ min: 0, max: 5_000 });
  fc.assert(
    fc.property(count, count, fc.bigInt({ min: 0n, max: 2n ** 62n }), fc.nat(), (a, b, trades, elapsedMs) => {
      const [daysDone, daysTotal] = [Math.min(a, b), Math.max(a, b)];
      const line = renderProgress({ ...progress, daysDone, daysTotal, trades, elapsedMs });
      assert.ok(!/NaN|Infinity|undefined|-\d/.test(line), line);
      assert.ok(!line.includes("\n"));
    }),
  );
});

class Screen extends Writable {
  readonly isTTY: boolean;
  text = "";

  constructor(isTTY: boolean) {
    super({ decodeStrings: false });
    this.isTTY = isTTY;
  }

  override _write(chunk: string, _encoding: BufferEncoding, done: () => void): void {
    this.text += chunk;
    done();
  }
}

test("on a terminal one line is painted over, at most five times a second, and cleared for other lines", () => {
  mock.timers.enable({ apis: ["Date"], now: 1_000_000 });
  try {
    const screen = new Screen(true);
    const shown = new Progress(screen);
    shown.clear();
    assert.equal(screen.text, "", "nothing to clear yet");
    shown.show(progress);
    mock.timers.tick(100);
    shown.show(progress);
    assert.equal(screen.text.split("\r").length - 1, 1, "too soon for a second one");
    mock.timers.tick(150);
    shown.show(progress);
    assert.equal(screen.text.split("\r").length - 1, 2);
    assert.ok(!screen.text.includes("\n"));
    shown.clear();
    assert.ok(screen.text.endsWith("\r\u001b[2K"));
    const { length } = screen.text;
    shown.clear();
    assert.equal(screen.text.length, length, "cleared once");
  } finally {
    mock.timers.reset();
  }
});

test("elsewhere whole lines are written, one in five seconds, without control characters", () => {
  mock.timers.enable({ apis: ["Date"], now: 1_000_000 });
  try {
    const screen = new Screen(false);
    const shown = new Progress(screen);
    for (let second = 0; second < 12; second += 1) {
      shown.show(progress);
      shown.clear();
      mock.timers.tick(1_000);
    }
    const lines = screen.text.split("\n");
    assert.equal(lines.length, 4, "at 0, 5 and 10 seconds");
    assert.ok(!screen.text.includes("\u001b") && !screen.text.includes("\r"));
  } finally {
    mock.timers.reset();
  }
});

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import * as fc from "fast-check";
import { addDays, dayOfMs, daysBetween, daysInclusive, dayStartMs, parseDay } from "../../lib/model/day.ts";
import {
  ConfigurationError,
  NotYetAvailableError,
  RefusedError,
  RetryableError,
  UnavailableError,
  UpstreamDataError,
} from "../../lib/model/errors.ts";
import { exitCodeMeanings, exitCodeOf, exitCodes } from "../../lib/model/exit-codes.ts";
import { markets } from "../../lib/model/markets.ts";
import { release } from "../../lib/model/release.ts";
import { parseSeriesId, parseThreshold, seriesId } from "../../lib/model/series.ts";
import { projectRoot } from "../ops/run.ts";

const anyDay = fc.integer({ min: -20_000, max: 40_000 }).map((count) => dayOfMs(count * 86_400_000));

function refusedAs(code: string): (error: unknown) => boolean {
  return (error) => error instanceof ConfigurationError && error.code === code && (error.hint ?? "") !== "";
}

test("a day is one that the calendar has", () => {
  for (const good of ["2024-02-29", "2000-02-29", "1970-01-01", "2024-12-31"]) assert.equal(parseDay(good), good);
  for (const bad of [
    "2023-02-29",
    "1900-02-29",
    "2024-02-30",
    "2024-04-31",
    "2024-13-01",
    "2024-00-01",
    "2024-01-00",
    "2024-1-1",
    "24-01-01",
    "2024-01-01T00:00:00Z",
    " 2024-01-01",
    "2024/01/01",
    "today",
    "",
  ]) {
    assert.throws(() => parseDay(bad), refusedAs("BAD_DATE"), bad);
  }
});

test("days count as the calendar does, and compare as their texts do", () => {
  fc.assert(
    fc.property(anyDay, anyDay, (a, b) => {
      assert.equal(parseDay(a), a);
      assert.equal(addDays(a, daysBetween(a, b)), b);
      assert.equal(a < b, dayStartMs(a) < dayStartMs(b));
      assert.equal(dayOfMs(dayStartMs(a)), a);
      assert.equal(dayOfMs(dayStartMs(a) + 86_399_999), a);
    }),
  );
});

test("a range of days holds both its ends and every day between; backwards it is empty", () => {
  fc.assert(
    fc.property(anyDay, fc.integer({ min: 0, max: 400 }), (from, count) => {
      const days = daysInclusive(from, addDays(from, count));
      assert.equal(days.length, count + 1);
      days.forEach((day, i) => assert.equal(day, addDays(from, i)));
      assert.deepEqual(daysInclusive(addDays(from, 1), from), []);
    }),
    { numRuns: 40 },
  );
});

test("a threshold is a whole number of 1 … 100 000, as a number or as digits", () => {
  fc.assert(
    fc.property(fc.integer({ min: -10, max: 100_010 }), (number) => {
      if (number >= 1 && number <= 100_000) {
        assert.equal(parseThreshold(number), number);
        assert.equal(parseThreshold(String(number)), number);
      } else {
        assert.throws(() => parseThreshold(number), refusedAs("BAD_THRESHOLD"));
        assert.throws(() => parseThreshold(String(number)), refusedAs("BAD_THRESHOLD"));
      }
    }),
  );
  for (const bad of ["", "abc", "2.5", "1e3", "0x10", " 250", "250 ", "+250", "२५०"]) {
    assert.throws(() => parseThreshold(bad), refusedAs("BAD_THRESHOLD"), bad);
  }
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, 2.5]) {
    assert.throws(() => parseThreshold(bad), refusedAs("BAD_THRESHOLD"));
  }
});

test("a series' name reads back as the series", () => {
  const series = fc.record(
    {
      venue: fc.constantFrom("binance", "exness"),
      market: fc.constantFrom(...markets),
      symbol: fc.stringMatching(/^[A-Z0-9_]{1,16}$/),
      threshold: fc.integer({ min: 1, max: 100_000 }).map(parseThreshold),
    },
    { noNullPrototype: true },
  );
  fc.assert(fc.property(series, (one) => assert.deepEqual(parseSeriesId(seriesId(one)), one)));
  for (const bad of [
    "BTCUSDT@250",
    "range:binance/margin/BTCUSDT@250",
    "range:binance/spot/btcusdt@250",
    "range:binance/spot/BTCUSDT",
    "range:binance/spot/BTCUSDT@250 ",
    "range:binance/spot/BTC'USDT@250",
  ]) {
    assert.throws(() => parseSeriesId(bad), refusedAs("BAD_SERIES"), bad);
  }
  assert.throws(() => parseSeriesId("range:binance/spot/BTCUSDT@0"), refusedAs("BAD_THRESHOLD"));
});

test("every kind of error has its exit code; any other is a bug", () => {
  const details = { code: "X" };
  assert.equal(exitCodeOf(new UpstreamDataError("", details)), 1);
  assert.equal(exitCodeOf(new NotYetAvailableError("", details)), 1);
  assert.equal(exitCodeOf(new RetryableError("", details)), 2);
  assert.equal(exitCodeOf(new UnavailableError("", details)), 2);
  assert.equal(exitCodeOf(new ConfigurationError("", details)), 3);
  assert.equal(exitCodeOf(new RefusedError("", details)), 4);
  for (const other of [new Error("x"), new TypeError("x"), "x", undefined]) assert.equal(exitCodeOf(other), 70);
  assert.equal(exitCodes.interrupted, 130);
  assert.deepEqual(
    exitCodeMeanings.map(([code]) => code).sort((a, b) => a - b),
    Object.values(exitCodes).sort((a, b) => a - b),
    "each code is explained once",
  );
});

test("an error carries its cause, and the name of its kind", () => {
  const cause = new Error("below");
  const error = new RefusedError("no", { code: "X", cause });
  assert.equal(error.cause, cause);
  assert.equal(error.name, "RefusedError");
  assert.equal("cause" in new RefusedError("no", { code: "X" }), false);
});

test("the release is the one in package.json", () => {
  assert.ok(readFileSync(join(projectRoot, "package.json"), "utf8").includes(`"version": "${release}"`));
});

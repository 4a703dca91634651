import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { addDays, dayOfMs, parseDay } from "../../lib/model/day.ts";
import { segmentOf, segmentations, segmentationOf, segmentsBetween } from "../../lib/model/segments.ts";
import { parseSeriesId, parseThreshold, seriesId, unitId } from "../../lib/model/series.ts";

test("a week begins on its Sunday, a month ends on its last day", () => {
  assert.deepEqual(segmentOf(parseDay("2024-08-08"), "week"), {
    id: "w2024-08-04",
    firstDay: "2024-08-04",
    lastDay: "2024-08-10",
  });
  assert.equal(segmentOf(parseDay("2024-02-03"), "month").lastDay, "2024-02-29");
  assert.equal(segmentOf(parseDay("2023-12-31"), "month").lastDay, "2023-12-31");
});

test("segments tile every range of days, and their ids say their reset", () => {
  const day = fc.integer({ min: 0, max: 25_000 }).map((n) => dayOfMs(n * 86_400_000));
  fc.assert(
    fc.property(day, fc.nat(900), fc.constantFrom(...segmentations), (from, length, segmentation) => {
      const segments = segmentsBetween(from, addDays(from, length), segmentation);
      segments.forEach((segment, i) => {
        assert.equal(segmentationOf(segment.id), segmentation);
        const next = segments[i + 1];
        if (next !== undefined) assert.equal(next.firstDay, addDays(segment.lastDay, 1));
        assert.deepEqual(segmentOf(segment.lastDay, segmentation), segment);
      });
      assert.ok(segments.length > 0);
    }),
  );
});

test("series and unit ids read back", () => {
  const id = seriesId({ venue: "binance", market: "futures-um", symbol: "BTCUSDT", threshold: parseThreshold("250") });
  assert.equal(id, "range:binance/futures-um/BTCUSDT@250");
  assert.equal(seriesId(parseSeriesId(id)), id);
  const { id: segment } = segmentOf(parseDay("2024-08-08"), "year");
  assert.equal(unitId(id, segment), "range:binance/futures-um/BTCUSDT@250:2024");
  assert.equal(
    unitId(seriesId({ venue: "binance", market: "spot", symbol: "BTCUSDT", threshold: parseThreshold(250) }), segment),
    "BTCUSDT@250:2024",
  );
});

test("bad thresholds, dates and series are refused", () => {
  for (const bad of ["0", "100001", "1.5", "abc", "-1", ""]) {
    assert.throws(() => parseThreshold(bad), { code: "BAD_THRESHOLD" });
  }
  for (const bad of ["2024-02-30", "20240101", "2024-13-01", ""]) {
    assert.throws(() => parseDay(bad), { code: "BAD_DATE" });
  }
  assert.throws(() => parseSeriesId("range:binance/margin/BTCUSDT@250"), { code: "BAD_SERIES" });
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { parseDay } from "../../../lib/model/day.ts";
import { daySpans, joinSpans } from "../../../lib/datasets/range/day-spans.ts";

const from = parseDay("2023-12-30");
const to = parseDay("2024-01-03");

test("nothing covered: every day, cut at the reset, joined into one stream", () => {
  const spans = daySpans(from, to, "year", () => [undefined, undefined]);
  assert.deepEqual(
    spans.map((span) => [span.segment.id, span.from, span.to]),
    [
      ["2023", "2023-12-30", "2023-12-31"],
      ["2024", "2024-01-01", "2024-01-03"],
    ],
  );
  assert.deepEqual(joinSpans(spans), [{ from, to }]);
});

test("a finished segment is left out, a half-read day is read again, the slowest unit decides", () => {
  const spans = daySpans(from, to, "year", (segment) =>
    segment.id === "2023"
      ? [{ day: parseDay("2023-12-31"), dayDone: true }]
      : [
          { day: parseDay("2024-01-02"), dayDone: true },
          { day: parseDay("2024-01-02"), dayDone: false },
        ],
  );
  assert.deepEqual(
    spans.map((span) => [span.segment.id, span.from, span.to]),
    [["2024", "2024-01-02", "2024-01-03"]],
  );
});

test("covered to the end: nothing left", () => {
  assert.deepEqual(
    daySpans(from, to, "month", (segment) => [{ day: segment.lastDay, dayDone: true }]),
    [],
  );
});

test("a start after the coverage's end still goes on where it ended", () => {
  const spans = daySpans(parseDay("2024-01-20"), parseDay("2024-01-21"), "year", () => [
    { day: parseDay("2024-01-05"), dayDone: true },
  ]);
  assert.deepEqual(
    spans.map((span) => [span.from, span.to]),
    [["2024-01-06", "2024-01-21"]],
  );
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { parseDay } from "../../../lib/model/day.ts";
import { resolveDayRange } from "../../../lib/datasets/range/range-request.ts";

const base = { symbol: "BTCUSDT", effectiveStart: parseDay("2018-01-16"), today: parseDay("2024-08-10") };

test("without dates: from the effective start to the last published day", () => {
  assert.deepEqual(resolveDayRange({ ...base, lastPublished: parseDay("2024-08-08") }), {
    from: "2018-01-16",
    to: "2024-08-08",
    notes: [],
  });
});

test("an earlier start, today and a delisting are clamped with a note", () => {
  const range = resolveDayRange({ ...base, startAsked: parseDay("2017-01-01"), endAsked: parseDay("2024-08-10") });
  assert.equal(range.from, "2018-01-16");
  assert.equal(range.to, "2024-08-09");
  assert.equal(range.notes.length, 2);
  const delisted = resolveDayRange({
    ...base,
    endAsked: parseDay("2024-08-01"),
    delistingDate: parseDay("2024-07-01"),
  });
  assert.equal(delisted.to, "2024-07-01");
  assert.equal(delisted.notes.length, 1);
});

test("an end before the start is refused", () => {
  assert.throws(
    () => resolveDayRange({ ...base, startAsked: parseDay("2024-08-02"), endAsked: parseDay("2024-08-01") }),
    { code: "END_BEFORE_START" },
  );
  assert.throws(() => resolveDayRange({ ...base, startAsked: parseDay("2024-08-10") }), { code: "END_BEFORE_START" });
});

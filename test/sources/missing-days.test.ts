import assert from "node:assert/strict";
import { test } from "node:test";
import { parseDay } from "../../lib/model/day.ts";
import { judgeMissingDay } from "../../lib/sources/archive/missing-days.ts";

const facts = {
  day: parseDay("2024-03-05"),
  today: parseDay("2024-06-01"),
  hasEarlier: true,
  hasLater: true,
  isDeclared: false,
};

test("what a missing day means", () => {
  assert.equal(judgeMissingDay(facts), "hole");
  assert.equal(judgeMissingDay({ ...facts, isDeclared: true }), "declared-hole");
  assert.equal(judgeMissingDay({ ...facts, isDeclared: true, hasLater: false }), "declared-hole");
  assert.equal(judgeMissingDay({ ...facts, isDeclared: true, today: parseDay("2024-03-06") }), "declared-hole");
  assert.equal(judgeMissingDay({ ...facts, hasEarlier: false }), "leading");
  assert.equal(judgeMissingDay({ ...facts, hasLater: false }), "trailing");
  assert.equal(judgeMissingDay({ ...facts, today: parseDay("2024-03-11") }), "unsettled");
  assert.equal(judgeMissingDay({ ...facts, today: parseDay("2024-03-12") }), "hole");
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { groupOf } from "../../lib/model/groups.ts";
import { parseThreshold } from "../../lib/model/series.ts";

function group(...thresholds: number[]): string {
  return groupOf(thresholds.map(parseThreshold));
}

test("a job goes to the group of its most demanding threshold", () => {
  assert.equal(group(250, 500, 750, 1000), "p2");
  assert.equal(group(1000, 250), "p2");
  assert.equal(group(500), "p3");
  assert.equal(group(1000, 750), "p3");
  assert.equal(group(1000), "p1");
  assert.equal(group(1000, 100), "p1");
  assert.equal(group(25, 1000), "p1");
  assert.equal(group(750, 1000), "p3");
  assert.equal(group(100), "px");
  assert.equal(group(), "px");
});

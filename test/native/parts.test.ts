import assert from "node:assert/strict";
import { test } from "node:test";
import { addDays, dayStartMs } from "../../lib/model/day.ts";
import { linesOf, walkOf, type TradeFields } from "../rig/make-archive.ts";
import { constants, day, dayOf, jobOf, outputOf } from "./days.ts";

const perDay = 100;
const next = addDays(day, 1);
const startUs = BigInt(dayStartMs(next)) * 1000n;

/** A line that is no trade. */
function ghost(id: number): TradeFields {
  const first = { id, price: "0.0", quantity: "0.0", firstId: -1, lastId: -1, isBuyerMaker: true };
  return { ...first, timeMs: dayStartMs(next) };
}

test("a day that begins with quarantined rows and then a hole: its parts are of that day, not of the one before", async () => {
  const { checkpoint } = await outputOf(jobOf(50), dayOf(linesOf(walkOf(day, 1000, perDay))));
  const job = jobOf(50);
  job.restoreUnit(0, checkpoint);
  const lines = linesOf([ghost(1100), ghost(1101), ...walkOf(next, 1110, perDay)]);
  const progress = await job.ingestDay(dayOf(lines, next));
  assert.equal(progress.quarantinedCount, 2n);
  const { parts } = job.take(0, constants);
  const told = parts.map((part) => [part.fromId, part.throughId, part.dayStartUs, part.firstUs, part.records]);
  assert.deepEqual(told, [
    [1100n, 1101n, startUs, startUs, 0n],
    [1110n, 1209n, startUs, startUs, 100n],
  ]);
});

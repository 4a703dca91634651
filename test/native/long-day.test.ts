import assert from "node:assert/strict";
import { test } from "node:test";
import { addDays, dayStartMs } from "../../lib/model/day.ts";
import { UpstreamDataError } from "../../lib/model/errors.ts";
import type { IngestRequest, Job, UnitOutput } from "../../lib/native/index.ts";
import { linesOf, walkOf } from "../rig/make-archive.ts";
import { constants, day, dayOf, decoded, jobOf, outputOf } from "./days.ts";

const rows = 60_000;
const lines = linesOf(walkOf(day, 1000, rows));
const before = addDays(day, -1);
const dayBefore = dayOf(linesOf(walkOf(before, 500, 500)), before);
const barsMax = 1000;

/** Reads a day, taking at every pause; the ids with which the bars began. */
async function readInParts(job: Job, request: IngestRequest, pausesMax = Infinity): Promise<(UnitOutput | undefined)[]> {
  const outputs: UnitOutput[] = [];
  let progress = await job.ingestDay(request);
  for (;;) {
    outputs.push(job.take(0, constants));
    if (progress.done || outputs.length >= pausesMax) return outputs;
    progress = await job.resumeDay();
  }
}

async function firstIdsOf(outputs: readonly (UnitOutput | undefined)[]): Promise<unknown[]> {
  const ids: unknown[] = [];
  for (const output of outputs) {
    ids.push(...Array.from((await decoded(output?.block ?? new Uint8Array()))?.columns.get("first_agg_trade_id") ?? []));
  }
  return ids;
}

const spoilt: readonly (readonly [name: string, code: string, lines: readonly string[]])[] = [
  ["a last row that is none", "BAD_NUMBER", [...lines.slice(0, -1), (lines.at(-1) ?? "").replace(/^\d+/, "x")]],
  ["an id that comes back at the end", "DUPLICATE_TRADE", [...lines, lines.at(-1) ?? ""]],
  ["a time of another day", "TIME_OUTSIDE_DAY", [...lines, lineAt(rows, dayStartMs(addDays(day, 1)))]],
  ["a time that goes back", "UNSORTED_TRADES", [...lines, lineAt(rows, dayStartMs(day))]],
];

function lineAt(index: number, timeMs: number): string {
  const [trade] = walkOf(day, 1000 + index, 1);
  assert.ok(trade !== undefined);
  return linesOf([{ ...trade, timeMs }])[0] ?? "";
}

for (const [name, code, text] of spoilt) {
  test(`a day that would be handed out in parts is refused whole: ${name}`, async () => {
    const job = jobOf(10);
    await job.ingestDay(dayBefore);
    const waiting = job.waiting();
    const request = { ...dayOf(text), barsMax };
    await assert.rejects(job.ingestDay(request), (error) => {
      assert.ok(error instanceof UpstreamDataError, String(error));
      assert.equal(error.code, code);
      assert.equal(error.subject, request.path);
      assert.match(error.message, new RegExp(`^line ${text.length}\\b`));
      return true;
    });
    assert.deepEqual(job.waiting(), waiting, "what the day before left is still there, and nothing else");
    // The job goes on with the good file as if the bad one had never been.
    const parts = await readInParts(job, { ...dayOf(lines), barsMax });
    assert.ok(parts.length > 3, `${parts.length} parts`);
    const whole = await outputOf(jobOf(10), dayBefore, dayOf(lines));
    assert.deepEqual(await firstIdsOf(parts), await firstIdsOf([whole]));
    assert.deepEqual(parts.at(-1)?.checkpoint, whole.checkpoint);
  });
}

test("a day that was taken in part is gone on with by another job, from where the checkpoint is", async () => {
  const request = { ...dayOf(lines), barsMax };
  const whole = await outputOf(jobOf(10), dayOf(lines));
  for (const pauses of [1, 2, 4]) {
    const head = await readInParts(jobOf(10), request, pauses);
    const job = jobOf(10);
    job.restoreUnit(0, head.at(-1)?.checkpoint ?? new Uint8Array());
    const tail = await readInParts(job, request);
    assert.deepEqual(await firstIdsOf([...head, ...tail]), await firstIdsOf([whole]));
    assert.deepEqual(tail.at(-1)?.checkpoint, whole.checkpoint);
    assert.equal(tail[0]?.parts[0]?.fromId, (head.at(-1)?.parts.at(-1)?.throughId ?? 0n) + 1n);
  }
});

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import * as fc from "fast-check";
import { addDays, dayStartMs } from "../../lib/model/day.ts";
import { ConfigurationError, Failure, UnavailableError, UpstreamDataError } from "../../lib/model/errors.ts";
import { parseThreshold } from "../../lib/model/series.ts";
import { decodeCheckpoint, Job, type UnitOutput } from "../../lib/native/index.ts";
import { linesOf, walkOf } from "../rig/make-archive.ts";
import { constants, day, dayOf, decoded, jobOf, outputOf } from "./days.ts";

const perDay = 300;
const next = addDays(day, 1);
const lines = linesOf(walkOf(day, 1000, perDay));
const today = dayOf(lines);
const tomorrow = dayOf(linesOf(walkOf(next, 1000 + perDay, perDay)), next);

function sameOutput(actual: UnitOutput, expected: UnitOutput): void {
  assert.equal(actual.bars, expected.bars);
  assert.deepEqual(Buffer.from(actual.block), Buffer.from(expected.block));
  assert.deepEqual(actual.parts, expected.parts);
  assert.deepEqual(Buffer.from(actual.checkpoint), Buffer.from(expected.checkpoint));
}

function withGate(thresholds: readonly number[], gateUnitUs: number): Job {
  return new Job({ thresholds: thresholds.map(parseThreshold), gateUnitUs, segmentation: "none" });
}

async function failureOf(call: () => unknown): Promise<Failure> {
  try {
    await call();
  } catch (error) {
    assert.ok(error instanceof Failure, String(error));
    return error;
  }
  throw new assert.AssertionError({ message: "nothing was refused" });
}

test("ids beyond 2^53 come through with every digit: parts, bars, forming bar, checkpoint", async () => {
  const room = 8n;
  const firstId = fc.bigInt({ min: 2n ** 53n - 2n, max: 2n ** 63n - 1n - room });
  await fc.assert(
    fc.asyncProperty(firstId, async (id) => {
      const rows = ["100", "101", "100", "101", "100"].map((price, i) => {
        const one = (id + BigInt(i)).toString();
        return `${one},${price},1.00000001,${one},${one},${dayStartMs(day) + 1000 * i},True,True`;
      });
      const job = jobOf(500);
      await job.ingestDay(dayOf(rows));
      const forming = await decoded(job.peek(0) ?? new Uint8Array());
      const { bars, block, parts, checkpoint } = job.take(0, constants);
      assert.equal(bars, 2);
      assert.equal(parts[0]?.fromId, id);
      assert.equal(parts.at(-1)?.throughId, id + 4n);
      assert.equal(decodeCheckpoint(checkpoint).lastId, id + 4n);
      assert.equal(decodeCheckpoint(checkpoint).lastTimeUs, BigInt(dayStartMs(day) + 4000) * 1000n);
      const columns = (await decoded(block))?.columns;
      assert.deepEqual([...Array.from(columns?.get("first_agg_trade_id") ?? [])], [id, id + 2n]);
      assert.deepEqual([...Array.from(columns?.get("last_agg_trade_id") ?? [])], [id + 1n, id + 3n]);
      assert.equal(forming?.columns.get("first_agg_trade_id")?.[0], id + 4n);
    }),
    { numRuns: 15, examples: [[2n ** 53n + 1n], [2n ** 63n - 1n - room]] },
  );
});

test("taking drains: a second take has nothing, the checkpoint stays", async () => {
  const job = jobOf(10);
  const first = await outputOf(job, today);
  assert.ok(first.bars > 10, `${first.bars}`);
  assert.equal(first.parts.length, 1);
  assert.deepEqual(job.waiting(), [0]);
  const second = job.take(0, constants);
  assert.equal(second.bars, 0);
  assert.deepEqual(second.parts, []);
  assert.deepEqual(Buffer.from(second.checkpoint), Buffer.from(first.checkpoint));
});

test("peeking changes nothing: not what waits, not the checkpoint, not the bars that follow", async () => {
  const plain = await outputOf(jobOf(50), today, tomorrow);
  const job = jobOf(50);
  assert.equal(job.peek(0), undefined, "no trade yet, no forming bar");
  await job.ingestDay(today);
  const waiting = job.waiting();
  const first = job.peek(0);
  assert.ok(first !== undefined);
  for (let i = 0; i < 5; i += 1) assert.deepEqual(job.peek(0), first);
  assert.deepEqual(job.waiting(), waiting);
  await job.ingestDay(tomorrow);
  assert.notDeepEqual(job.peek(0), first, "the forming bar has moved on");
  sameOutput(job.take(0, constants), plain);
});

test("the forming bar that is peeked is the one in the checkpoint", async () => {
  const job = jobOf(50);
  await job.ingestDay(today);
  const peeked = job.peek(0);
  const { checkpoint } = job.take(0, constants);
  assert.deepEqual(job.peek(0), peeked, "taking leaves the forming bar");
  const { forming, thresholdDbps, lastId } = decodeCheckpoint(checkpoint);
  const [a, b] = [await decoded(peeked ?? new Uint8Array()), await decoded(forming ?? new Uint8Array())];
  assert.equal(a?.rows, 1);
  for (const [name, cells] of a.columns) {
    if (["series", "segment", "build", "attempt"].includes(name)) continue;
    assert.deepEqual(b?.columns.get(name)?.[0], cells[0], name);
  }
  assert.equal(thresholdDbps, 50);
  assert.equal(lastId, BigInt(999 + perDay));
});

test("thresholds in one pass give what each gives alone", async () => {
  const job = jobOf(10, 50, 200);
  await job.ingestDay(today);
  await job.ingestDay(tomorrow);
  for (const [index, threshold] of [10, 50, 200].entries()) {
    sameOutput(job.take(index, constants), await outputOf(jobOf(threshold), today, tomorrow));
  }
});

test("a job restored from a checkpoint goes on as if it had never stopped", async () => {
  for (const threshold of [10, 50, 2_000]) {
    const whole = jobOf(threshold);
    await outputOf(whole, today);
    const expected = await outputOf(whole, tomorrow);
    const { checkpoint } = await outputOf(jobOf(threshold), today);
    const job = jobOf(threshold);
    job.restoreUnit(0, checkpoint);
    sameOutput(await outputOf(job, tomorrow), expected);
  }
});

test("a day that pauses when bars wait gives the same bars as one that does not", async () => {
  const rows = 100_000;
  const long = dayOf(linesOf(walkOf(day, 1000, rows)));
  const whole = await outputOf(jobOf(10), long);
  const job = jobOf(10);
  const blocks: Uint8Array[] = [];
  let bars = 0;
  let last: UnitOutput | undefined;
  let progress = await job.ingestDay({ ...long, barsMax: 1000 });
  let pauses = 0;
  for (;;) {
    last = job.take(0, constants);
    bars += last.bars;
    if (last.bars > 0) blocks.push(last.block);
    if (progress.done) break;
    pauses += 1;
    progress = await job.resumeDay();
  }
  assert.equal(progress.rows, BigInt(rows));
  assert.equal(bars, whole.bars);
  assert.deepEqual(Buffer.from(last.checkpoint), Buffer.from(whole.checkpoint));
  const ids: unknown[] = [];
  for (const block of blocks) ids.push(...Array.from((await decoded(block))?.columns.get("first_agg_trade_id") ?? []));
  assert.deepEqual(ids, Array.from((await decoded(whole.block))?.columns.get("first_agg_trade_id") ?? []));
  assert.ok(pauses > 3, `it paused ${pauses} times`);
});

test("the end of a segment makes the forming bar an orphan, once", async () => {
  const job = jobOf(50);
  await outputOf(job, today);
  assert.notEqual(job.peek(0), undefined);
  job.endSegment();
  const { block } = job.take(0, constants);
  const orphan = await decoded(block);
  assert.equal(orphan?.rows, 1);
  assert.equal(orphan.columns.get("is_orphan")?.[0], 1);
  assert.equal(orphan.columns.get("last_agg_trade_id")?.[0], BigInt(999 + perDay));
  assert.equal(job.peek(0), undefined);
});

test("a restored job whose segment is over gives the orphan alone, and a checkpoint without it", async () => {
  const { checkpoint } = await outputOf(jobOf(50), today);
  const job = jobOf(50);
  job.restoreUnit(0, checkpoint);
  job.endSegment();
  assert.deepEqual(job.waiting(), [1]);
  const output = job.take(0, constants);
  assert.equal(output.bars, 1);
  assert.deepEqual(output.parts, []);
  assert.equal((await decoded(output.block))?.columns.get("is_orphan")?.[0], 1);
  const [was, is] = [decodeCheckpoint(checkpoint), decodeCheckpoint(output.checkpoint)];
  assert.notEqual(was.forming, undefined);
  assert.deepEqual(is, { ...was, forming: undefined });
  const after = jobOf(50);
  after.restoreUnit(0, output.checkpoint);
  after.endSegment();
  assert.deepEqual(after.waiting(), [0]);
});

test("an error in a row says the file, the line, and a byte of that line", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: perDay }), fc.constantFrom(1, 2, 5), async (bad, field) => {
      const spoiled = lines.map((line, i) => {
        if (i !== bad - 1) return line;
        const fields = line.split(",");
        fields[field] = "x";
        return fields.join(",");
      });
      const request = dayOf(spoiled);
      const error = await failureOf(async () => jobOf(50).ingestDay(request));
      assert.ok(error instanceof UpstreamDataError);
      assert.equal(error.code, "BAD_NUMBER");
      assert.ok(error.subject?.includes("BTCUSDT-aggTrades-2024-03-05"), error.subject);
      const [, line, byte] = /^line (\d+), byte (\d+): /.exec(error.message) ?? [];
      assert.equal(Number(line), bad);
      const before = spoiled.slice(0, bad - 1).join("\n").length + (bad === 1 ? 0 : 1);
      const offset = Number(byte);
      assert.ok(offset >= before && offset <= before + (spoiled[bad - 1]?.length ?? 0), `${offset} from ${before}`);
      assert.ok((error.hint ?? "").length > 0);
    }),
    { numRuns: 25 },
  );
});

test("nothing of a bad day is kept, and the job goes on with a good one", async () => {
  const expected = await outputOf(jobOf(50), today, tomorrow);
  const job = jobOf(50);
  await job.ingestDay(today);
  const spoiled = linesOf(walkOf(next, 1000 + perDay, perDay)).map((line, i) => (i === 250 ? "rubbish" : line));
  await assert.rejects(async () => job.ingestDay(dayOf(spoiled, next)), UpstreamDataError);
  await job.ingestDay(tomorrow);
  sameOutput(job.take(0, constants), expected);
});

test("what is wrong with a file is told by its own code, with the file", async () => {
  const job = jobOf(50);
  const mismatch = await failureOf(async () => job.ingestDay({ ...today, sha256: "0".repeat(64) }));
  assert.ok(mismatch instanceof UpstreamDataError);
  assert.equal(mismatch.code, "CHECKSUM_MISMATCH");
  assert.match(mismatch.hint ?? "", /fetch the archive/);
  const absent = await failureOf(async () => job.ingestDay({ ...today, path: `${today.path}.none` }));
  assert.ok(absent instanceof UnavailableError);
  assert.equal(absent.code, "FILE_UNREADABLE");
  assert.ok(`${absent.subject}${absent.message}`.includes(`${today.path}.none`), absent.message);
  const other = await failureOf(async () => job.ingestDay({ ...today, symbol: "ETHUSDT" }));
  assert.equal(other.code, "WRONG_SYMBOL");
  writeFileSync(`${tomorrow.path}.copy`, "");
  const empty = await failureOf(async () => job.ingestDay({ ...tomorrow, path: `${tomorrow.path}.copy` }));
  assert.ok(empty instanceof UpstreamDataError);
});

test("what is wrong with a request is told before anything is read", async () => {
  const none = await failureOf(() => withGate([], 1));
  assert.ok(none instanceof ConfigurationError);
  assert.equal(none.code, "NO_THRESHOLDS");
  const gate = await failureOf(() => withGate([50], 5));
  assert.ok(gate instanceof ConfigurationError);
  assert.equal(gate.code, "BAD_GATE_UNIT");
  for (const unit of [0, 1, 1000]) assert.deepEqual(withGate([50], unit).waiting(), [0]);
});

test("misuse is a bug, not a finding: a unit that is not there, a day that was not begun, two days at once", async () => {
  const job = jobOf(50);
  const isBug = (error: unknown): boolean => error instanceof Error && !(error instanceof Failure);
  assert.throws(() => job.take(1, constants), isBug);
  assert.throws(() => job.peek(9), isBug);
  await assert.rejects(async () => job.resumeDay(), isBug);
  const reading = job.ingestDay(today);
  await assert.rejects(async () => job.ingestDay(today), isBug);
  assert.equal((await reading).done, true);
});

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { before, test } from "node:test";
import { Failure, UpstreamDataError } from "../../lib/model/errors.ts";
import { parseThreshold } from "../../lib/model/series.ts";
import { decodeCheckpoint, formatDigest, Job } from "../../lib/native/index.ts";
import { linesOf, walkOf } from "../rig/make-archive.ts";
import { day, dayOf, jobOf, outputOf } from "./days.ts";

const threshold = 50;
/** With a forming bar, and of a job that has read nothing. */
let checkpoint = Buffer.alloc(0);
let empty = Buffer.alloc(0);

before(async () => {
  checkpoint = Buffer.from((await outputOf(jobOf(threshold), dayOf(linesOf(walkOf(day, 1000, 300))))).checkpoint);
  empty = Buffer.from((await outputOf(jobOf(threshold))).checkpoint);
});

function refusedAs(code: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof UpstreamDataError, String(error));
    assert.equal(error.code, code);
    assert.ok((error.hint ?? "") !== "");
    return true;
  };
}

/** The bytes with the seal that belongs to them: the first 16 of the SHA-256 of all before it. */
function sealed(body: Uint8Array): Buffer {
  return Buffer.concat([body, createHash("sha256").update(body).digest().subarray(0, 16)]);
}

test("the checkpoints of these tests are good, small, and seal themselves as assumed here", () => {
  assert.ok(checkpoint.length > 200 && checkpoint.length < 400, `${checkpoint.length}`);
  assert.deepEqual(sealed(checkpoint.subarray(0, -16)), checkpoint);
  assert.notEqual(decodeCheckpoint(checkpoint).forming, undefined);
  assert.equal(decodeCheckpoint(checkpoint).thresholdDbps, threshold);
  const content = decodeCheckpoint(empty);
  assert.equal(content.forming, undefined);
  assert.equal(content.lastId, undefined);
  assert.equal(formatDigest(content.digest), "cbf29ce484222325", "the digest of no bars");
});

test("one flipped bit, wherever it is, is refused", () => {
  for (const good of [checkpoint, empty]) {
    for (let at = 0; at < good.length; at += 1) {
      for (let bit = 0; bit < 8; bit += 1) {
        const bad = Buffer.from(good);
        bad[at] = (bad[at] ?? 0) ^ (1 << bit);
        assert.throws(() => decodeCheckpoint(bad), refusedAs("CHECKPOINT_CORRUPT"), `byte ${at} bit ${bit}`);
      }
    }
  }
});

test("a job refuses what cannot be decoded, and is as it was", async () => {
  const job = jobOf(threshold);
  for (let at = 0; at < checkpoint.length; at += 1) {
    const bad = Buffer.from(checkpoint);
    bad[at] = (bad[at] ?? 0) ^ 1;
    assert.throws(() => job.restoreUnit(0, bad), refusedAs("CHECKPOINT_CORRUPT"), `byte ${at}`);
  }
  assert.deepEqual(Buffer.from((await outputOf(job)).checkpoint), empty);
});

test("a checkpoint cut anywhere, or with something behind it, is refused", () => {
  for (let length = 0; length < checkpoint.length; length += 1) {
    assert.throws(() => decodeCheckpoint(checkpoint.subarray(0, length)), refusedAs("CHECKPOINT_CORRUPT"), `${length}`);
  }
  assert.throws(() => decodeCheckpoint(Buffer.concat([checkpoint, Buffer.alloc(1)])), refusedAs("CHECKPOINT_CORRUPT"));
});

test("a good seal over bad fields is refused: cut bodies, bodies with more, another beginning, bad flags", () => {
  const body = checkpoint.subarray(0, -16);
  for (let length = 0; length < body.length; length += 1) {
    assert.throws(() => decodeCheckpoint(sealed(body.subarray(0, length))), refusedAs("CHECKPOINT_CORRUPT"), `${length}`);
  }
  assert.throws(() => decodeCheckpoint(sealed(Buffer.concat([body, Buffer.alloc(1)]))), refusedAs("CHECKPOINT_CORRUPT"));
  for (const [at, value] of [
    [0, 0x43],
    [18, 9],
    [19, 2],
    [44, 7],
  ] as const) {
    const bad = Buffer.from(body);
    bad[at] = value;
    assert.throws(() => decodeCheckpoint(sealed(bad)), refusedAs("CHECKPOINT_CORRUPT"), `byte ${at}`);
  }
});

test("a checkpoint of another version says so", () => {
  const other = Buffer.from(checkpoint.subarray(0, -16));
  other.writeUInt16LE(other.readUInt16LE(4) + 1, 4);
  assert.throws(() => decodeCheckpoint(sealed(other)), refusedAs("CHECKPOINT_VERSION"));
});

test("a checkpoint of another threshold, gate or segmentation is not taken", () => {
  const jobs = [
    jobOf(threshold + 1),
    new Job({ thresholds: [parseThreshold(threshold)], gateUnitUs: 1, segmentation: "year" }),
    new Job({ thresholds: [parseThreshold(threshold)], gateUnitUs: 1000, segmentation: "month" }),
  ];
  for (const job of jobs) {
    assert.throws(
      () => job.restoreUnit(0, checkpoint),
      (error: unknown) => {
        assert.ok(error instanceof Error && !(error instanceof Failure), "a bug, not the data's fault");
        assert.match(error.message, /CHECKPOINT_MISMATCH/);
        return true;
      },
    );
  }
});

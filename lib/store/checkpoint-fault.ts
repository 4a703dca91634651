import { Failure } from "../model/errors.ts";
import { decodeCheckpoint, type CheckpointContent } from "../native/index.ts";

/** What a checkpoint must agree with: the coverage row that carries it, and the series' threshold. */
export interface CheckpointPlace {
  readonly thresholdDbps: number;
  readonly throughId: bigint;
  readonly lastUs: bigint;
  /** Trades of the row; an interval without any ends at its day's start, if that is later than the last trade. */
  readonly records: bigint;
  readonly barsDigest: bigint;
}

/** Why a checkpoint is not to be gone on from. */
export interface CheckpointFault {
  readonly code: "CHECKPOINT_AHEAD" | "CHECKPOINT_CORRUPT" | "CHECKPOINT_MISMATCH" | "CHECKPOINT_VERSION";
  readonly text: string;
}

/** Compares a checkpoint with the coverage row that carries it. Pure; undefined where they agree. */
export function checkpointFault(
  row: CheckpointPlace,
  { thresholdDbps, lastId, lastTimeUs, digest }: CheckpointContent,
): CheckpointFault | undefined {
  if (thresholdDbps !== row.thresholdDbps) {
    return mismatch(`the checkpoint is of ${thresholdDbps} dbps, the series of ${row.thresholdDbps}`);
  }
  if (lastId === undefined || lastTimeUs === undefined) return mismatch("the checkpoint has seen no trade");
  if (lastId > row.throughId) {
    const text = `the checkpoint is at id ${lastId}, ahead of its coverage, which ends at ${row.throughId}`;
    return { code: "CHECKPOINT_AHEAD", text };
  }
  if (lastId < row.throughId) {
    return mismatch(`the checkpoint is at id ${lastId}, its coverage ends at ${row.throughId}`);
  }
  if (lastTimeUs > row.lastUs || (lastTimeUs < row.lastUs && row.records > 0n)) {
    return mismatch(`the checkpoint's last trade is at ${lastTimeUs} µs, its coverage's at ${row.lastUs} µs`);
  }
  if (digest !== row.barsDigest) return mismatch("the checkpoint was made behind other bars than its coverage counts");
  return undefined;
}

function mismatch(text: string): CheckpointFault {
  return { code: "CHECKPOINT_MISMATCH", text };
}

/** A checkpoint that was read: what it holds, where it can be decoded, and why it is not to be gone on from. */
export interface CheckpointRead {
  readonly content: CheckpointContent | undefined;
  readonly fault: CheckpointFault | undefined;
}

/** Decodes a checkpoint and compares it with the coverage row that carries it. */
export function readCheckpoint(row: CheckpointPlace, bytes: Uint8Array): CheckpointRead {
  try {
    const content = decodeCheckpoint(bytes);
    return { content, fault: checkpointFault(row, content) };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const code = error.code === "CHECKPOINT_VERSION" ? error.code : "CHECKPOINT_CORRUPT";
    return { content: undefined, fault: { code, text: error.message } };
  }
}

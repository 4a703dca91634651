import { z } from "zod";
import { dayStartMs, type Day } from "../model/day.ts";
import type { Segmentation } from "../model/segments.ts";
import type { ThresholdDbps } from "../model/series.ts";
import {
  addon,
  checkpointSchema,
  dayProgressSchema,
  foldedDigestSchema,
  unitOutputSchema,
  type AddonJob,
} from "./addon.ts";
import { fromAddon } from "./errors.ts";

export type { Part } from "./addon.ts";

/** The core's output version: changes only when some output changes. */
export function barVersion(): number {
  return z.number().int().parse(addon().barVersion());
}

/** Hash of the Rust sources the loaded addon was built from. */
export function addonSourcesHash(): string {
  return z.string().parse(addon().sourcesHash());
}

/** Where a step of reading a day ended; counts are of the whole day and known when it is done. */
export type DayProgress = Readonly<z.infer<typeof dayProgressSchema>>;
/** What a unit had waiting: bars as one Native block, their parts, the checkpoint behind them. */
export type UnitOutput = Readonly<z.infer<typeof unitOutputSchema>>;

/** The columns that are the same in every row of a unit's block. */
export interface BlockConstants {
  readonly series: string;
  readonly segment: string;
  readonly build: number;
  readonly attempt: bigint;
}

export interface IngestRequest {
  readonly path: string;
  /** SHA-256 of the file, 64 hexadecimal digits. */
  readonly sha256: string;
  readonly symbol: string;
  readonly day: Day;
  /** Pause when a unit has this many bars waiting. */
  readonly barsMax: number;
}

/** No daily archive is near this; one that declares more is refused before it is read. */
const maxInflatedBytes = 2 * 1024 ** 3;

function guarded<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw fromAddon(error);
  }
}

async function guardedAsync<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw fromAddon(error);
  }
}

/** One pass over a stream of trades for several thresholds. Days are read off the main thread, one at a time. */
export class Job {
  readonly #job: AddonJob;

  /** @throws ConfigurationError BAD_THRESHOLD, BAD_GATE_UNIT */
  constructor(config: {
    readonly thresholds: readonly ThresholdDbps[];
    /** Resolution of the same-time gate in µs: 1 or 1000; 0 switches it off. */
    readonly gateUnitUs: number;
    readonly segmentation: Segmentation | "none";
  }) {
    this.#job = guarded(() => new (addon().Job)(config));
  }

  /** Puts a unit where a checkpoint left it. @throws UpstreamDataError CHECKPOINT_CORRUPT, CHECKPOINT_VERSION */
  restoreUnit(index: number, checkpoint: Uint8Array): void {
    guarded(() => {
      this.#job.restoreUnit(index, checkpoint);
    });
  }

  /**
   * Reads a day's archive. Resolves at its end, or with `done: false` when enough bars wait: take them, then `resumeDay`.
   * On an error nothing of the day (since the last take) is kept, and the job can go on.
   * @throws UpstreamDataError CHECKSUM_MISMATCH, ZIP_CORRUPT, ZIP_BOMB, WRONG_SYMBOL, EMPTY_FILE, NOT_UTF8, BAD_ROW, BAD_NUMBER,
   * TOO_MANY_DECIMALS, OVERFLOW, BAD_BOOLEAN, TIME_OUTSIDE_DAY, UNSORTED_TRADES, DUPLICATE_TRADE; UnavailableError FILE_UNREADABLE
   */
  async ingestDay(request: IngestRequest): Promise<DayProgress> {
    const dayStartUs = dayStartMs(request.day) * 1000;
    return guardedAsync(async () =>
      dayProgressSchema.parse(await this.#job.ingestDay({ ...request, dayStartUs, maxInflatedBytes })),
    );
  }

  /** Goes on with a paused day; as `ingestDay`. */
  async resumeDay(): Promise<DayProgress> {
    return guardedAsync(async () => dayProgressSchema.parse(await this.#job.resumeDay()));
  }

  /**
   * The segment's last day has been read: forming bars end as orphans of the boundary. Where everything before was taken, the
   * next take has that orphan and no parts, and a checkpoint without a forming bar. Also right behind `restoreUnit`.
   */
  endSegment(): void {
    guarded(() => {
      this.#job.endSegment();
    });
  }

  /** How many bars each unit has waiting. */
  waiting(): number[] {
    return z.array(z.number()).parse(guarded(() => this.#job.waiting()));
  }

  /** Drains a unit's bars and parts. */
  take(index: number, constants: BlockConstants): UnitOutput {
    return unitOutputSchema.parse(guarded(() => this.#job.take(index, constants)));
  }

  /** The forming bar as a Native block of one row, all columns filled; changes nothing. */
  peek(index: number): Uint8Array | undefined {
    return z.instanceof(Uint8Array).nullish().parse(guarded(() => this.#job.peek(index))) ?? undefined;
  }
}

/** What a checkpoint holds. `forming` is a Native block of one row whose key columns are empty. */
export interface CheckpointContent {
  readonly thresholdDbps: number;
  readonly lastId: bigint | undefined;
  readonly lastTimeUs: bigint | undefined;
  /** Digest over the segment's completed bars so far. */
  readonly digest: bigint;
  readonly forming: Uint8Array | undefined;
}

/** @throws UpstreamDataError CHECKPOINT_CORRUPT, CHECKPOINT_VERSION */
export function decodeCheckpoint(bytes: Uint8Array): CheckpointContent {
  const content = checkpointSchema.parse(guarded(() => addon().decodeCheckpoint(bytes)));
  return {
    thresholdDbps: content.thresholdDbps,
    lastId: content.lastId ?? undefined,
    lastTimeUs: content.lastTimeUs ?? undefined,
    digest: content.digest,
    forming: content.forming ?? undefined,
  };
}

/**
 * Folds rows read back from the store into a digest (FNV-1a over 21 integers a bar).
 * @param body any number of Native blocks of the 21 digest columns, in order
 * @param start the digest so far; absent for none
 */
export function foldDigest(body: Uint8Array, start?: bigint): { readonly digest: bigint; readonly rows: bigint } {
  return foldedDigestSchema.parse(guarded(() => addon().foldDigest(start ?? null, body)));
}

/** A digest as it is shown: 16 hexadecimal digits. */
export function formatDigest(digest: bigint): string {
  return digest.toString(16).padStart(16, "0");
}

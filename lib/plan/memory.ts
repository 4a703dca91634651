import { formatBytes } from "../model/format.ts";
import type { WorkGroup } from "../model/groups.ts";
import { sizeOf, tradesOf, type Lessons } from "./lessons.ts";

/** What one attempt of the job itself has shown. */
export interface OwnAttempt {
  readonly limitBytes: number;
  readonly peakBytes: number;
  /** It was killed for its memory. */
  readonly wasOutOfMemory: boolean;
}

/** What is known of a job before it runs. */
export interface JobSize {
  readonly group: WorkGroup;
  /** How many thresholds share its pass. */
  readonly thresholds: number;
  /** Bytes of zipped archives that it reads. */
  readonly archiveBytes: number;
  /** Its own attempts so far, as far as their memory was measured. */
  readonly attempts: readonly OwnAttempt[];
}

export interface MemoryPolicy {
  /** First guess: the engine, the core's buffers and the block being written, as `populate --plan` guesses them. */
  readonly baseBytes: number;
  /** First guess: what each further threshold of the pass adds. */
  readonly perThresholdBytes: number;
  /** First guess: what the archive's size adds, as a share of it. */
  readonly archiveShare: number;
  /** Over a measured peak, so that the next day's noise does not end the job. */
  readonly margin: number;
  /** Over the peak at which an attempt was stopped, which is not what it would have needed. */
  readonly escalation: number;
}

const mebibyte = 1024 ** 2;

export const memoryPolicy: MemoryPolicy = {
  baseBytes: 450 * mebibyte,
  perThresholdBytes: 32 * mebibyte,
  archiveShare: 1 / 128,
  margin: 1.15,
  escalation: 1.5,
};

export interface MemoryRequest {
  readonly requestBytes: number;
  readonly basis: "guessed" | "learned" | "measured" | "escalated";
  readonly reason: string;
  /** The largest limit at which the job ran out of memory: as much or less cannot do. 0 where it never has. */
  readonly outgrownBytes: number;
}

/**
 * The memory to ask for. Learned from jobs of the same group and about the same number of trades, guessed from the archive's
 * size where there are too few. Never below what the job itself was measured at, with a margin, and more than that where it
 * ran out. More trades, and higher peaks, never lead to a smaller request.
 */
export function memoryRequest(job: JobSize, lessons: Lessons, policy: MemoryPolicy = memoryPolicy): MemoryRequest {
  const ofKind = learned(job, lessons, policy) ?? guessed(job, policy);
  const own = ownFloor(job, policy);
  const request = own !== undefined && own.requestBytes > ofKind.requestBytes ? own : ofKind;
  const outgrown = job.attempts.filter(({ wasOutOfMemory }) => wasOutOfMemory).map(({ limitBytes }) => limitBytes);
  return {
    ...request,
    requestBytes: wholeSteps(request.requestBytes),
    outgrownBytes: Math.max(0, ...outgrown),
  };
}

/**
 * What a host gives to a request, of the most that it has for one job. One size up from a limit that was too small may be more
 * than there is: then all there is, once.
 * @returns undefined where no attempt on that host can succeed, or nobody knows that one can
 */
export function grantedBytes({ requestBytes, outgrownBytes }: MemoryRequest, hostBytes: number): number | undefined {
  if (requestBytes <= hostBytes) return requestBytes;
  return outgrownBytes > 0 && outgrownBytes < hostBytes ? hostBytes : undefined;
}

/** What to do about a job that ran out of memory with all that its host has for one; undefined where the host has more. */
export function outgrownAdvice({ limitBytes, peakBytes }: OwnAttempt, hostBytes: number): string | undefined {
  if (limitBytes < hostBytes) return undefined;
  return (
    `it held ${formatBytes(peakBytes)} and this host gives one job ${formatBytes(hostBytes)} at most: ` +
    "run it on a host with more memory, raise memory_mb of this one, or ask for its thresholds in separate jobs"
  );
}

/** Rounded up to 16 MiB: limits that differ by less say nothing. */
function wholeSteps(bytes: number): number {
  const step = 16 * mebibyte;
  return Math.ceil(bytes / step) * step;
}

/** A request before it is rounded. */
type Wish = Omit<MemoryRequest, "outgrownBytes">;

function guessed(job: JobSize, policy: MemoryPolicy): Wish {
  const further = Math.max(0, job.thresholds - 1) * policy.perThresholdBytes;
  return {
    requestBytes: policy.baseBytes + further + job.archiveBytes * policy.archiveShare,
    basis: "guessed",
    reason: `guessed from ${formatBytes(job.archiveBytes)} of archives and ${job.thresholds} threshold(s)`,
  };
}

/** What the job's own attempts reached. One that was killed would have needed more than its limit, whatever was measured. */
function ownFloor({ attempts }: JobSize, { margin, escalation }: MemoryPolicy): Wish | undefined {
  const floors = attempts.map(({ limitBytes, peakBytes, wasOutOfMemory }): Wish => {
    const bytes = wasOutOfMemory ? Math.max(limitBytes, peakBytes) : peakBytes;
    const factor = wasOutOfMemory ? escalation : margin;
    const met = wasOutOfMemory ? "ran out of memory at" : "was measured at";
    return {
      requestBytes: bytes * factor,
      basis: wasOutOfMemory ? "escalated" : "measured",
      reason: `it ${met} ${formatBytes(bytes)}, times ${factor}`,
    };
  });
  return floors.toSorted((a, b) => b.requestBytes - a.requestBytes)[0];
}

/**
 * What jobs of its size needed. A size with too few jobs takes the next larger one's, which needs at least as much, or what is
 * greater of the guess and the next smaller one's; so a larger job never asks for less than a smaller one.
 */
function learned(job: JobSize, lessons: Lessons, policy: MemoryPolicy): Wish | undefined {
  const size = sizeOf(tradesOf(job.archiveBytes));
  const peaks = lessons.peaks.get(job.group) ?? [];
  const atLeast = peaks.find((lesson) => lesson.size >= size);
  const below = peaks.at(-1);
  const lesson = atLeast ?? below;
  if (lesson === undefined) return undefined;
  const requestBytes = lesson.peakBytes * policy.margin;
  if (atLeast === undefined && requestBytes <= guessed(job, policy).requestBytes) return undefined;
  const { jobs, peakBytes } = lesson;
  const reason = `${jobs} jobs of ${job.group} with about 2^${lesson.size} trades reached ${formatBytes(peakBytes)}, times ${policy.margin}`;
  return { requestBytes, basis: "learned", reason };
}

import type { EndedJobAttempt, Ledger } from "../ledger/index.ts";
import { workGroups } from "../model/groups.ts";
import { expectedDurationMs } from "../plan/duration.ts";
import { learn, type Lessons, type MeasuredAttempt } from "../plan/lessons.ts";
import { memoryRequest, type OwnAttempt } from "../plan/memory.ts";
import { jobNameText } from "../queue/label.ts";
import type { JobNeeds, SizedJob } from "./jobs.ts";

/** What the attempts in a ledger teach of jobs to come. */
export class Experience {
  readonly #ledger: Ledger;
  readonly #lessons: Lessons;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
    this.#lessons = learn(ledger.jobAttempts.completed().flatMap(measuredAttempt));
  }

  /** What to ask for, and how long it should take. */
  needsOf(job: SizedJob): JobNeeds {
    const attempts = this.#ledger.jobAttempts.ofJob(jobNameText(job)).flatMap(ownAttempt);
    const { group, thresholds, archiveBytes = 0 } = job;
    const size = { group, thresholds: thresholds.length, archiveBytes, attempts };
    return {
      memory: memoryRequest(size, this.#lessons),
      seconds: expectedDurationMs(size, this.#lessons) / 1000,
    };
  }
}

function measuredAttempt(one: EndedJobAttempt): MeasuredAttempt[] {
  const group = workGroups.find((name) => name === one.job_group);
  const { trades, resident_peak_bytes: peakBytes, duration_ms: durationMs } = one;
  if (group === undefined || trades === null || peakBytes === null || durationMs === null) return [];
  return [{ group, trades, peakBytes, durationMs }];
}

/**
 * What an attempt shows of its own job's needs. Of one that was not killed for memory only resident memory counts: what a scope
 * counts besides are pages of files, which it gives back.
 */
function ownAttempt(one: EndedJobAttempt): OwnAttempt[] {
  const { limit_bytes: limit, peak_bytes: peak, resident_peak_bytes: resident } = one;
  const wasOutOfMemory = one.outcome === "out-of-memory";
  const peakBytes = wasOutOfMemory ? peak : resident;
  return peakBytes === null ? [] : [{ limitBytes: limit ?? peakBytes, peakBytes, wasOutOfMemory }];
}

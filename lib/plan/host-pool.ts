import { formatBytes, formatSeconds } from "../model/format.ts";
import type { WorkGroup } from "../model/groups.ts";
import { memoryLedger, type HostMemory, type MemoryLedger } from "./ledger.ts";

/** A job that waits. */
export interface Candidate {
  readonly job: string;
  readonly group: WorkGroup;
  /** dbps */
  readonly thresholds: readonly number[];
  readonly requestBytes: number;
  readonly durationMs: number;
  /** Since the plan has it; a retry keeps this, or it would wait behind all others once more. */
  readonly waitingSinceMs: number;
  /** When it first was next and no host had room for it; as the last admission said. */
  readonly blockedSinceMs?: number | undefined;
  /** A host that was lost under it: taken only where no other has room. */
  readonly avoidHost?: string | undefined;
}

/** A job that has its share of a host: queued there or running. */
export interface Placed {
  readonly job: string;
  readonly group: string;
  readonly requestBytes: number;
  /** When it should end; undefined where nobody knows. */
  readonly endsAtMs: number | undefined;
}

export interface AdmissionHost extends HostMemory {
  readonly host: string;
  readonly jobsMax: number;
  /** The thresholds that it takes; undefined where it takes every one. */
  readonly thresholds: ReadonlySet<number> | undefined;
  /** How many jobs of each group may be there, queued or running. A group that is paused or unknown is absent. */
  readonly groups: ReadonlyMap<WorkGroup, number>;
  readonly placed: readonly Placed[];
  /** What the host itself says it can still give; undefined where it does not say, and the budget alone decides. */
  readonly availableBytes?: number | undefined;
  /** Why nothing is admitted now: drained, lost, under pressure; undefined where it is open. */
  readonly closed?: string | undefined;
}

/** Why a job gets no share of a host now. Only lack of memory is worth keeping room for. */
export interface Obstacle {
  readonly kind: "closed" | "thresholds" | "group" | "jobs" | "memory" | "kept";
  readonly reason: string;
}

/** Room kept for the job that is next. */
interface Kept {
  readonly job: string;
  readonly atMs: number;
  /** What will be left beside it then. */
  besideBytes: number;
  readonly isOverdue: boolean;
}

/** Does a host take all thresholds of a job? */
export function takes({ thresholds }: AdmissionHost, candidate: Candidate): boolean {
  return thresholds === undefined || candidate.thresholds.every((threshold) => thresholds.has(threshold));
}

function takesText({ thresholds }: AdmissionHost): string {
  return `takes only ${[...(thresholds ?? [])].join(", ")} dbps`;
}

/** One host while one admission is decided. */
export class HostPool {
  readonly host: AdmissionHost;
  readonly #nowMs: number;
  readonly #placed: Placed[];
  #availableBytes: number;
  #kept: Kept | undefined;

  constructor(host: AdmissionHost, nowMs: number) {
    this.host = host;
    this.#nowMs = nowMs;
    this.#placed = [...host.placed];
    this.#availableBytes = host.availableBytes ?? Number.POSITIVE_INFINITY;
  }

  ledger(): MemoryLedger {
    return memoryLedger(
      this.host,
      this.#placed.map(({ requestBytes }) => requestBytes),
    );
  }

  get freeBytes(): number {
    return this.ledger().freeBytes;
  }

  get budgetBytes(): number {
    return this.ledger().budgetBytes;
  }

  get isKept(): boolean {
    return this.#kept !== undefined;
  }

  obstacleTo(candidate: Candidate): Obstacle | undefined {
    const { closed, groups, jobsMax } = this.host;
    const { group, requestBytes, durationMs } = candidate;
    if (closed !== undefined) return { kind: "closed", reason: closed };
    const ofGroupMax = groups.get(group);
    if (!takes(this.host, candidate)) return { kind: "thresholds", reason: takesText(this.host) };
    if (ofGroupMax === undefined) return { kind: "group", reason: `${group} is paused or not known there` };
    const ofGroup = this.#placed.filter((one) => one.group === group).length;
    if (ofGroup >= ofGroupMax) return { kind: "group", reason: `has ${ofGroup} jobs of ${group}, as many as may be` };
    if (this.#placed.length >= jobsMax) return { kind: "jobs", reason: `has ${this.#placed.length} jobs, jobs_max` };
    const { freeBytes } = this;
    if (requestBytes > freeBytes) {
      const free = formatBytes(Math.max(0, freeBytes));
      return { kind: "memory", reason: `asks for ${formatBytes(requestBytes)}, ${free} are free` };
    }
    if (requestBytes > this.#availableBytes) {
      const available = formatBytes(Math.max(0, this.#availableBytes));
      return { kind: "closed", reason: `asks for ${formatBytes(requestBytes)}, the host can give ${available}` };
    }
    const kept = this.#kept;
    if (kept === undefined) return undefined;
    if (kept.isOverdue) return { kind: "kept", reason: `nothing passes ${kept.job}, which has waited long enough` };
    if (this.#nowMs + durationMs <= kept.atMs || requestBytes <= kept.besideBytes) return undefined;
    const wait = formatSeconds((kept.atMs - this.#nowMs) / 1000);
    return { kind: "kept", reason: `room is kept for ${kept.job}, in about ${wait}` };
  }

  place({ job, group, requestBytes, durationMs }: Candidate): void {
    const endsAtMs = this.#nowMs + durationMs;
    this.#placed.push({ job, group, requestBytes, endsAtMs });
    this.#availableBytes -= requestBytes;
    if (this.#kept !== undefined && endsAtMs > this.#kept.atMs) this.#kept.besideBytes -= requestBytes;
  }

  /** When enough jobs should have ended for this one; undefined where it may not run here at all. */
  roomAtMs(candidate: Candidate): number | undefined {
    const { closed, groups } = this.host;
    const { group, requestBytes } = candidate;
    const isOpen = closed === undefined && groups.has(group) && takes(this.host, candidate);
    if (!isOpen || requestBytes > this.budgetBytes) return undefined;
    return this.#endings(requestBytes).atMs;
  }

  keepFor({ job, requestBytes }: Candidate, atMs: number, isOverdue: boolean): void {
    this.#kept = { job, atMs, besideBytes: this.#endings(requestBytes).freeBytes - requestBytes, isOverdue };
  }

  /** The first instant at which this much should be free, and how much is free then. */
  #endings(bytes: number): { atMs: number; freeBytes: number } {
    let { freeBytes } = this;
    let atMs = this.#nowMs;
    // Who is late, or says nothing, is expected last.
    const end = ({ endsAtMs }: Placed): number =>
      endsAtMs === undefined || endsAtMs <= this.#nowMs ? Number.POSITIVE_INFINITY : endsAtMs;
    for (const one of this.#placed.toSorted((a, b) => end(a) - end(b))) {
      if (freeBytes >= bytes) break;
      freeBytes += one.requestBytes;
      if (end(one) !== Number.POSITIVE_INFINITY) atMs = end(one);
    }
    return { atMs, freeBytes };
  }
}

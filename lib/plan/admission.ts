import { formatBytes, formatSeconds } from "../model/format.ts";
import { HostPool, takes, type AdmissionHost, type Candidate } from "./host-pool.ts";
import { memoryLedger, type MemoryLedger } from "./ledger.ts";

export interface AdmittedJob {
  readonly job: string;
  readonly host: string;
  readonly requestBytes: number;
  readonly reason: string;
}

export interface WaitingJob {
  readonly job: string;
  readonly reason: string;
  readonly blockedSinceMs: number | undefined;
}

/** A job that no host will ever have room for. */
export interface RefusedJob {
  readonly job: string;
  readonly reason: string;
  readonly advice: string;
}

export interface Admission {
  readonly admitted: readonly AdmittedJob[];
  readonly waiting: readonly WaitingJob[];
  readonly refused: readonly RefusedJob[];
  /** Per host, with what was admitted now. */
  readonly ledgers: ReadonlyMap<string, MemoryLedger>;
}

/** For how long others may use the room that the next job waits for, as long as they should be gone by then. */
export const patienceMs = 10 * 60_000;

/**
 * Which waiting jobs get a share of a host now. The sum of the requests of a host's jobs, queued and running, never exceeds its
 * budget, nor their number `jobsMax`.
 *
 * The longest goes first, so that none of them is left over at the end; every millisecond of waiting counts as one of length,
 * so that a job is passed only by a bounded amount of later work. When the first in line has no room, the host on which it will
 * have some first is kept for it: others may still use what is left beside it, or what they should give back in time. After
 * {@link patienceMs} of that, nothing else is admitted there: guesses of durations cannot keep a job out for ever.
 */
export function admit(candidates: readonly Candidate[], hosts: readonly AdmissionHost[], nowMs: number): Admission {
  const pools = hosts.map((host) => new HostPool(host, nowMs));
  const admitted: AdmittedJob[] = [];
  const waiting: WaitingJob[] = [];
  const refused: RefusedJob[] = [];
  for (const candidate of candidates.toSorted((a, b) => inLine(a, b, nowMs))) {
    const refusal = refusalOf(candidate, hosts);
    if (refusal !== undefined) {
      refused.push(refusal);
      continue;
    }
    const offers = pools.map((pool) => ({ pool, obstacle: pool.obstacleTo(candidate) }));
    const [best] = offers
      .filter(({ obstacle }) => obstacle === undefined)
      .map(({ pool }) => pool)
      .sort((a, b) => preference(a, b, candidate));
    if (best !== undefined) {
      best.place(candidate);
      admitted.push(admission(candidate, best, nowMs));
      continue;
    }
    const isNext =
      offers.every(({ pool }) => !pool.isKept) && offers.some(({ obstacle }) => obstacle?.kind === "memory");
    const blockedSinceMs = candidate.blockedSinceMs ?? (isNext ? nowMs : undefined);
    if (isNext) keepRoom(candidate, pools, nowMs - (blockedSinceMs ?? nowMs) >= patienceMs);
    waiting.push({
      job: candidate.job,
      reason: offers.map(({ pool, obstacle }) => `${pool.host.host}: ${obstacle?.reason ?? "has room"}`).join("; "),
      blockedSinceMs,
    });
  }
  return { admitted, waiting, refused, ledgers: new Map(pools.map((pool) => [pool.host.host, pool.ledger()])) };
}

/** Who has been kept out for long goes first, the longest of them ahead; then by length and wait. */
function inLine(a: Candidate, b: Candidate, nowMs: number): number {
  const blockedFor = ({ blockedSinceMs }: Candidate): number => {
    const blocked = blockedSinceMs === undefined ? 0 : nowMs - blockedSinceMs;
    return blocked >= patienceMs ? blocked : 0;
  };
  const rank = ({ durationMs, waitingSinceMs }: Candidate): number => durationMs + (nowMs - waitingSinceMs);
  return blockedFor(b) - blockedFor(a) || rank(b) - rank(a) || (a.job < b.job ? -1 : 1);
}

function refusalOf(candidate: Candidate, hosts: readonly AdmissionHost[]): RefusedJob | undefined {
  const { job, requestBytes, thresholds } = candidate;
  const budgets = hosts.filter((host) => takes(host, candidate)).map((host) => memoryLedger(host, []).budgetBytes);
  if (budgets.length === 0) {
    const reason = `no host takes ${thresholds.join(", ")} dbps`;
    return {
      job,
      reason,
      advice: "name them in the thresholds of a host in fleet.toml, or ask for them in separate jobs",
    };
  }
  const largest = Math.max(...budgets);
  if (requestBytes <= largest) return undefined;
  return {
    job,
    reason: `asks for ${formatBytes(requestBytes)}, the largest host has ${formatBytes(largest)} for jobs`,
    advice: "raise memory_mb of a host, use a larger one, or ask for the thresholds in separate jobs",
  };
}

/** The host with the most free memory, and the one to be avoided last. */
function preference(a: HostPool, b: HostPool, { avoidHost }: Candidate): number {
  const isAvoided = (pool: HostPool): number => (pool.host.host === avoidHost ? 1 : 0);
  return isAvoided(a) - isAvoided(b) || b.freeBytes - a.freeBytes || (a.host.host < b.host.host ? -1 : 1);
}

/** Where it should have room first; of an overdue job always the same host, so that it does fall free. */
function keepRoom(candidate: Candidate, pools: readonly HostPool[], isOverdue: boolean): void {
  const [kept] = pools
    .flatMap((pool) => {
      const atMs = pool.roomAtMs(candidate);
      return atMs === undefined ? [] : [{ pool, atMs }];
    })
    .sort((a, b) => (isOverdue ? b.pool.budgetBytes - a.pool.budgetBytes : a.atMs - b.atMs));
  kept?.pool.keepFor(candidate, kept.atMs, isOverdue);
}

function admission(candidate: Candidate, { host }: HostPool, nowMs: number): AdmittedJob {
  const { job, requestBytes, durationMs, waitingSinceMs } = candidate;
  const waited = formatSeconds((nowMs - waitingSinceMs) / 1000);
  const reason = `about ${formatSeconds(durationMs / 1000)} of work, waited ${waited}, fits with ${formatBytes(requestBytes)}`;
  return { job, host: host.host, requestBytes, reason };
}

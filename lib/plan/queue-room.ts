import { formatBytes } from "../model/format.ts";

/** A group of a host's queue: how many of its jobs run at a time, and what those that wait or run have asked for. */
export interface QueueGroupLoad {
  readonly name: string;
  readonly parallel: number | "unlimited";
  readonly requestsBytes: readonly number[];
  /** Of these the sum of those that run: a lower limit ends none of them. */
  readonly runningBytes: number;
}

/** A job to be queued. */
export interface QueueCandidate {
  readonly job: string;
  readonly group: string;
  readonly requestBytes: number;
}

export interface QueueRoom {
  /** Jobs that may be queued. */
  readonly admitted: ReadonlySet<string>;
  /** Jobs that could start beside others that leave no room for them: not queued before those are done. */
  readonly held: ReadonlyMap<string, string>;
  /** Groups that have to run fewer at a time than they do. */
  readonly lowered: ReadonlyMap<string, number>;
}

interface Group {
  parallel: number;
  readonly isFixed: boolean;
  readonly runningBytes: number;
  /** Largest first. */
  requests: number[];
}

/**
 * Which jobs a queue may be given, and how many at a time its groups may run, so that whatever it starts, in whatever order, the
 * requests of all that runs at once never exceed the host's budget. What is lowered is the group that could hold most, never below
 * one at a time. A limit that a person took away is not put back.
 * @param candidates in the order in which they are to be queued
 * @param budgetBytes of all jobs together
 */
export function roomInQueue(
  candidates: readonly QueueCandidate[],
  loads: readonly QueueGroupLoad[],
  budgetBytes: number,
): QueueRoom {
  const groups = new Map(loads.map((load) => [load.name, groupOf(load)]));
  const admitted = new Set<string>();
  const held = new Map<string, string>();
  for (const { job, group: name, requestBytes } of candidates) {
    const group = groups.get(name) ?? { parallel: 1, isFixed: true, runningBytes: 0, requests: [] };
    groups.set(name, group);
    const before = group.requests;
    group.requests = [...before, requestBytes].sort((a, b) => b - a);
    const least = sum([...groups.values()].map((one) => bytesAt(one, one.isFixed ? one.parallel : 1)));
    if (least <= budgetBytes) {
      admitted.add(job);
      continue;
    }
    group.requests = before;
    const beside = formatBytes(least - requestBytes);
    held.set(
      job,
      `it asks for ${formatBytes(requestBytes)} and may run beside ${beside} of ${formatBytes(budgetBytes)}`,
    );
  }
  lower(groups, budgetBytes);
  const lowered = [...groups].flatMap(([name, { parallel }]) => {
    const was = loads.find((load) => load.name === name)?.parallel;
    return typeof was === "number" && parallel < was ? [[name, parallel] as const] : [];
  });
  return { admitted, held, lowered: new Map(lowered) };
}

function groupOf({ parallel, requestsBytes, runningBytes }: QueueGroupLoad): Group {
  return {
    parallel: parallel === "unlimited" ? Number.POSITIVE_INFINITY : Math.max(1, parallel),
    isFixed: parallel === "unlimited",
    runningBytes,
    requests: requestsBytes.toSorted((a, b) => b - a),
  };
}

function lower(groups: ReadonlyMap<string, Group>, budgetBytes: number): void {
  const all = [...groups.values()];
  const now = (group: Group): number => bytesAt(group, group.parallel);
  while (sum(all.map(now)) > budgetBytes) {
    const [largest] = all
      .filter(({ isFixed, parallel, requests }) => !isFixed && Math.min(parallel, requests.length) > 1)
      .sort((a, b) => now(b) - now(a));
    if (largest === undefined) return;
    largest.parallel = Math.min(largest.parallel, largest.requests.length) - 1;
  }
}

/** The most that a group's jobs can hold at once. */
function bytesAt({ requests, runningBytes }: Group, parallel: number): number {
  return Math.max(runningBytes, sum(requests.slice(0, parallel)));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

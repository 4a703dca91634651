import type { WorkGroup } from "../model/groups.ts";

/** What a canary is chosen by. */
export interface CanaryCandidate {
  readonly job: string;
  readonly group: WorkGroup;
  readonly durationMs: number;
}

/** How a job of the plan stands. */
export type JobState = "waiting" | "admitted" | "running" | "done" | "quarantined";

/** Which jobs of a plan may be admitted now. */
export type Gate =
  { readonly open: true } | { readonly open: false; readonly only: readonly string[]; readonly reason: string };

/**
 * The jobs that go first when no attempt with this bar version has ended well: the shortest of each group, so that a core that
 * is wrong or that crashes shows it on little work of every kind.
 * @param provenVersions bar versions with a finished and audited unit
 */
export function chooseCanaries(
  jobs: readonly CanaryCandidate[],
  barVersion: number,
  provenVersions: ReadonlySet<number>,
): string[] {
  if (provenVersions.has(barVersion)) return [];
  return [...Map.groupBy(jobs, ({ group }) => group).values()].flatMap((members) => {
    const [shortest] = members.toSorted((a, b) => a.durationMs - b.durationMs || (a.job < b.job ? -1 : 1));
    return shortest === undefined ? [] : [shortest.job];
  });
}

/** Until every canary is done only canaries pass; once one is quarantined nothing does. */
export function canaryGate(canaries: readonly string[], stateOf: (job: string) => JobState): Gate {
  const failed = canaries.filter((job) => stateOf(job) === "quarantined");
  if (failed.length > 0) {
    return { open: false, only: [], reason: `the canary ${failed.join(", ")} failed: the plan stops here` };
  }
  const pending = canaries.filter((job) => stateOf(job) !== "done");
  if (pending.length === 0) return { open: true };
  return { open: false, only: pending, reason: `canaries first, the core's bar version is new: ${pending.join(", ")}` };
}

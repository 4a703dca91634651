import { formatBytes } from "../../model/format.ts";
import { isWorkGroup } from "../../model/groups.ts";
import { memoryLedger, type HostMemory } from "../ledger.ts";
import type { Direction } from "./direction.ts";
import { bytesAt, isIdle, openGroups, sum, untouchable, type GroupLoad, type OpenGroup } from "./group-load.ts";
import type { ScalerLimits } from "./limits.ts";
import type { HostReading } from "./reading.ts";
import { Room } from "./room.ts";
import { wantsPlace } from "./share.ts";

/** New parallels by group, each with its reason; a group that is absent stays as it is, and one that has 0 is held. */
export type Steps = ReadonlyMap<string, { readonly to: number; readonly reason: string }>;

/** Nothing new is started: no group may have more than run now and are to stay. Groups of ours are held besides. */
export function clamped(loads: readonly GroupLoad[], going: ReadonlySet<string>, reason: string): Steps {
  return new Map(
    openGroups(loads).map(({ name, parallel, runningUnits }) => {
      const stays = runningUnits.filter((unit) => !going.has(unit)).length;
      return [name, { to: Math.max(1, Math.min(parallel, stays)), reason }];
    }),
  );
}

/**
 * What to take back where the queue could start more than the budget holds: tasks of the group that holds most, one at a time.
 * What runs is let run. Undefined where everything fits.
 */
export function trimmed(
  loads: readonly GroupLoad[],
  host: HostMemory,
): { readonly reason: string; readonly steps: Steps } | undefined {
  const groups = openGroups(loads);
  const others = loads.filter((load) => untouchable(load) !== undefined).map(({ runningBytes }) => sum(runningBytes));
  const parallels = new Map(groups.map(({ name, parallel }) => [name, parallel]));
  const bytesOf = (group: OpenGroup): number => bytesAt(group, parallels.get(group.name) ?? group.parallel);
  const ledger = (): ReturnType<typeof memoryLedger> => memoryLedger(host, [...others, ...groups.map(bytesOf)]);
  const { budgetBytes, reservedBytes, freeBytes } = ledger();
  if (freeBytes >= 0) return undefined;
  const steps = new Map<string, { to: number; reason: string }>();
  const reason = `limits of ${formatBytes(reservedBytes)} on a budget of ${formatBytes(budgetBytes)}`;
  while (ledger().freeBytes < 0) {
    const [largest] = groups
      .filter((group) => startable(group, parallels.get(group.name) ?? 0))
      .sort((a, b) => bytesOf(b) - bytesOf(a));
    if (largest === undefined) break;
    const to = (parallels.get(largest.name) ?? largest.parallel) - 1;
    parallels.set(largest.name, to);
    steps.set(largest.name, { to, reason });
  }
  return { reason, steps };
}

/** Does one less at once keep the queue from starting something? */
function startable(group: OpenGroup, parallel: number): boolean {
  return parallel > 1 && bytesAt(group, parallel) > bytesAt(group, group.runningBytes.length);
}

/**
 * Less at once. Where pressure is measured a share of all that runs, taken from the groups that run most; where it is not, one
 * of each group, as the older autoscaler did.
 */
export function reduced(loads: readonly GroupLoad[], { source, reason, keep }: Direction): Steps {
  const groups = openGroups(loads);
  if (source !== "pressure") {
    return new Map(groups.map(({ name, parallel }) => [name, { to: Math.max(1, parallel - 1), reason }]));
  }
  const parallels = new Map(
    groups.map(({ name, parallel, runningBytes }) => [name, Math.max(1, Math.min(parallel, runningBytes.length))]),
  );
  const total = sum([...parallels.values()]);
  for (let spare = total - Math.min(total - 1, Math.floor(total * keep)); spare > 0; spare -= 1) {
    const [most] = [...parallels].filter(([, parallel]) => parallel > 1).sort(([, a], [, b]) => b - a);
    if (most === undefined) break;
    parallels.set(most[0], most[1] - 1);
  }
  return new Map([...parallels].map(([name, to]) => [name, { to, reason }]));
}

/**
 * One more of each group that has work for it and uses all it has; and what groups without work do not use is handed over, so
 * that a host does not idle when one kind of work has ended, their last place where all are taken. All as long as there is {@link Room}: each step sees what the
 * steps before it took. Groups with the fewest go first.
 * @param tasksMax the most that all groups together may run
 */
export function raised(
  loads: readonly GroupLoad[],
  reading: HostReading,
  { source, reason }: Direction,
  tasksMax: number,
  limits: ScalerLimits,
): Steps {
  const room = new Room(loads, reading, source, tasksMax, limits);
  const steps = new Map<string, { to: number; reason: string }>();
  const groups = openGroups(loads);
  const least = (group: OpenGroup): number => (isWorkGroup(group.name) && room.isFull ? 0 : 1);
  room.reserve(loads.filter(wantsPlace).length);
  const parallelOf = (group: OpenGroup): number => steps.get(group.name)?.to ?? group.parallel;
  const fewestFirst = (): OpenGroup[] => groups.toSorted((a, b) => parallelOf(a) - parallelOf(b));
  const raise = (group: OpenGroup, why: string): boolean => {
    const obstacle = room.take(group, parallelOf(group));
    if (obstacle === undefined) steps.set(group.name, { to: parallelOf(group) + 1, reason: why });
    else if (!steps.has(group.name)) steps.set(group.name, { to: group.parallel, reason: obstacle });
    return obstacle === undefined;
  };
  for (const group of fewestFirst()) raise(group, reason);
  for (const idle of groups.filter(isIdle)) {
    while (parallelOf(idle) > Math.max(least(idle), idle.runningBytes.length)) {
      const why = `${reason}; handed over by ${idle.name}, which has nothing to do`;
      room.giveBackPlace();
      if (!fewestFirst().some((group) => group !== idle && raise(group, why))) break;
      steps.set(idle.name, { to: parallelOf(idle) - 1, reason: "nothing more is queued: handed over" });
    }
  }
  return steps;
}

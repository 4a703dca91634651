import { formatBytes } from "../../model/format.ts";
import { memoryLedger, type HostMemory } from "../ledger.ts";
import type { Direction } from "./direction.ts";
import { bytesAt, bytesNow, nextBytes, sum, tasksNow, untouchable, type GroupLoad } from "./group-load.ts";
import { groupMaxOf, type ScalerLimits } from "./limits.ts";
import type { HostReading } from "./reading.ts";

/** New parallels by group, each with its reason; a group that is absent stays as it is. */
export type Steps = ReadonlyMap<string, { readonly to: number; readonly reason: string }>;

interface OpenGroup extends GroupLoad {
  readonly parallel: number;
}

/** The groups that may be acted on. */
function open(loads: readonly GroupLoad[]): OpenGroup[] {
  return loads.flatMap((load) =>
    untouchable(load) === undefined && load.parallel !== undefined ? [{ ...load, parallel: load.parallel }] : [],
  );
}

/** Nothing new is started: no group may have more than run now and are to stay. */
export function clamped(loads: readonly GroupLoad[], going: ReadonlySet<string>, reason: string): Steps {
  return new Map(
    open(loads).map(({ name, parallel, runningUnits }) => {
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
  const groups = open(loads);
  const fixed = loads.filter((load) => untouchable(load) !== undefined).map(({ runningBytes }) => sum(runningBytes));
  const parallels = new Map(groups.map(({ name, parallel }) => [name, parallel]));
  const bytesOf = (group: OpenGroup): number => bytesAt(group, parallels.get(group.name) ?? group.parallel);
  const ledger = (): ReturnType<typeof memoryLedger> => memoryLedger(host, [...fixed, ...groups.map(bytesOf)]);
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

/** Multiplicative down where pressure is measured, one a group where it is not. */
export function reduced(
  loads: readonly GroupLoad[],
  { source, reason }: Direction,
  { downFactor }: ScalerLimits,
): Steps {
  return new Map(
    open(loads).map(({ name, parallel }) => {
      const to = source === "pressure" ? Math.min(parallel - 1, Math.floor(parallel * downFactor)) : parallel - 1;
      return [name, { to: Math.max(1, to), reason }];
    }),
  );
}

/**
 * One more of each group that has work waiting and uses all it has, as long as the budget, the memory that is available and
 * `jobs_max` have room for it: each step sees what the steps before it took. Groups with the fewest go first.
 */
export function raised(
  loads: readonly GroupLoad[],
  reading: HostReading,
  { source, reason }: Direction,
  limits: ScalerLimits,
): Steps {
  const { memory, budget, jobsMax } = reading;
  let freeBytes = memoryLedger(budget, loads.map(bytesNow)).freeBytes;
  // Without pressure to warn of it, twice the room, as before.
  const caution = source === "load" ? 2 : 1;
  let availableBytes =
    memory === undefined ? 0 : memory.availableBytes - memory.totalBytes * limits.danger.stopAdmitting.availableBelow;
  let tasks = sum(loads.map(tasksNow));
  const steps = new Map<string, { to: number; reason: string }>();
  for (const load of open(loads).sort((a, b) => a.parallel - b.parallel)) {
    const { name, parallel, runningBytes } = load;
    const next = nextBytes(load, parallel);
    const stay = (why: string): void => void steps.set(name, { to: parallel, reason: why });
    const max = source === "load" ? Math.min(jobsMax, groupMaxOf(limits, name)) : jobsMax;
    if (next === undefined) stay("nothing more is queued");
    else if (runningBytes.length < parallel) stay(`${runningBytes.length} of its ${parallel} run`);
    else if (parallel >= max) stay(`has ${parallel}, as many as may be`);
    else if (tasks >= jobsMax) stay(`the host has ${tasks} jobs, jobs_max`);
    else if (next > freeBytes) {
      stay(`the next asks for ${formatBytes(next)}, ${formatBytes(Math.max(0, freeBytes))} of the budget are free`);
    } else if (next * caution > availableBytes) {
      const available = formatBytes(Math.max(0, availableBytes));
      stay(`the next asks for ${formatBytes(next)}, ${available} of the host's memory can be given`);
    } else {
      steps.set(name, { to: parallel + 1, reason });
      freeBytes -= next;
      availableBytes -= next * caution;
      tasks += 1;
    }
  }
  return steps;
}

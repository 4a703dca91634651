import { isWorkGroup, workGroups } from "../../model/groups.ts";
import { memoryLedger } from "../ledger.ts";
import { dangerOf } from "./danger.ts";
import type { Action } from "./decision.ts";
import {
  bytesNow,
  groupLoads,
  isIdle,
  openGroups,
  sum,
  untouchable,
  type GroupLoad,
  type OpenGroup,
} from "./group-load.ts";
import type { ScalerLimits } from "./limits.ts";
import type { HostReading } from "./reading.ts";
import type { Steps } from "./steps.ts";

/** Is `jobs_max` less than one of each group of ours? */
export function isCrowded(loads: readonly GroupLoad[], jobsMax: number): boolean {
  return loads.filter(({ name }) => isWorkGroup(name)).length > jobsMax;
}

/** A held group that has work and nothing that runs. */
export function wantsPlace(load: GroupLoad): boolean {
  return isHeld(load) && !isIdle(load) && load.runningBytes.length === 0;
}

type LetGo = Extract<Action, { readonly action: "let group go" }>;

/** How the groups share the places of `jobs_max`. */
export interface Shares {
  readonly steps: Steps;
  readonly letGo: readonly LetGo[];
}

/**
 * Keeps what all groups together may run within `jobs_max`. A queue cannot run 0 of a group, so where there are fewer places than
 * groups some of ours are held: those without work first, then the least demanding; one stays. A held group that has work gets the
 * place of one that has none, or one of a group that has several, as soon as that is free and there is memory for it.
 * @param steps of the decision so far
 * @param mayLetGo false while nothing is admitted
 */
export function sharedOut(
  loads: readonly GroupLoad[],
  steps: Steps,
  reading: HostReading,
  mayLetGo: boolean,
  limits: ScalerLimits,
): Shares {
  const places = new Places(loads, steps, reading.jobsMax);
  while (places.allowed > reading.jobsMax && places.takeOne()) continue;
  const letGo: LetGo[] = [];
  let freeBytes = freeNow(stepped(loads, places.steps), reading, limits);
  for (const load of mayLetGo ? loads.filter(isHeld).sort(mostWorthFirst) : []) {
    const bytes = load.runningBytes.length > 0 ? 0 : (load.queuedBytes[0] ?? load.waitingBytes[0] ?? 0);
    if (bytes > freeBytes || !places.reserve(load)) continue;
    freeBytes -= bytes;
    if (!places.open(load)) continue;
    const parallel = Math.max(1, load.runningBytes.length);
    letGo.push({ action: "let group go", group: load.name, parallel, reason: "there is room for it" });
  }
  return { steps: places.steps, letGo };
}

/** The groups with the limits that they are about to have. */
function stepped(loads: readonly GroupLoad[], steps: Steps): GroupLoad[] {
  return loads.map((load) => ({ ...load, parallel: steps.get(load.name)?.to ?? load.parallel }));
}

/** What can be given to more work: of the budget, and of the host's memory where that can be read. */
function freeNow(loads: readonly GroupLoad[], { budget, memory }: HostReading, { danger }: ScalerLimits): number {
  const { freeBytes } = memoryLedger(budget, loads.map(bytesNow));
  if (memory === undefined) return freeBytes;
  return Math.min(freeBytes, memory.availableBytes - memory.totalBytes * danger.stopAdmitting.availableBelow);
}

/**
 * What has to be done so that the groups share the places, where nothing else is decided.
 * @param mayLetGo false while nothing is admitted; also where memory is short it lets nothing go
 */
export function shareActions(reading: HostReading, mayLetGo: boolean, limits: ScalerLimits): Action[] {
  const loads = groupLoads(reading, limits);
  const isShort = dangerOf(reading, limits).level !== "none";
  const { steps, letGo } = sharedOut(loads, new Map(), reading, mayLetGo && !isShort, limits);
  const changes = openGroups(loads).flatMap(({ name, parallel }) => {
    const step = steps.get(name);
    return step === undefined ? [] : stepAction(name, parallel, step.to, step.reason);
  });
  return [...changes, ...letGo];
}

/** A group that is to run 0 at once is held. */
export function stepAction(group: string, from: number, to: number, reason: string): Action[] {
  if (to === from) return [];
  if (to === 0) return [{ action: "hold group", group, why: "jobs_max", reason }];
  return [{ action: "set parallel", group, from, to, reason }];
}

function isHeld({ name, state }: GroupLoad): boolean {
  return state === "held" && isWorkGroup(name);
}

/** Those with work, of these the most demanding. */
function mostWorthFirst(a: GroupLoad, b: GroupLoad): number {
  return worth(b) - worth(a);
}

function worth(load: GroupLoad): number {
  const rank = workGroups.length - workGroups.findIndex((name) => name === load.name);
  return rank + (isIdle(load) && runningIn(load) === 0 ? 0 : workGroups.length);
}

/** The places while they are shared out. */
class Places {
  readonly steps: Map<string, { readonly to: number; readonly reason: string }>;
  readonly #jobsMax: number;
  readonly #open: readonly OpenGroup[];
  /** What may run once what is too many has ended, and what may run now; without the open groups. */
  #allowedElsewhere: number;
  #presentElsewhere: number;

  constructor(loads: readonly GroupLoad[], steps: Steps, jobsMax: number) {
    this.steps = new Map(steps);
    this.#jobsMax = jobsMax;
    this.#open = openGroups(loads);
    const others = loads.filter((load) => untouchable(load) !== undefined);
    this.#allowedElsewhere = sum(others.map(({ runningBytes }) => runningBytes.length));
    this.#presentElsewhere = this.#allowedElsewhere;
  }

  get allowed(): number {
    return sum(this.#open.map((group) => this.#parallel(group))) + this.#allowedElsewhere;
  }

  get #present(): number {
    return sum(this.#open.map((group) => Math.max(this.#parallel(group), runningIn(group)))) + this.#presentElsewhere;
  }

  /** One place less for whom it costs least. @returns false where nobody has one to give */
  takeOne(): boolean {
    const able = this.#open.filter((group) => this.#parallel(group) > 1);
    const spare = (group: OpenGroup): number => Math.max(0, this.#parallel(group) - runningIn(group));
    const [largest] = able.sort((a, b) => spare(b) - spare(a) || this.#parallel(b) - this.#parallel(a));
    if (largest !== undefined) return this.#lower(largest);
    const single = this.#open.filter((group) => isWorkGroup(group.name) && this.#parallel(group) === 1);
    const last = single.sort(mostWorthFirst).at(-1);
    return single.length > 1 && last !== undefined && this.#lower(last);
  }

  /** A place for a held group, now or when what is too many has ended. @returns false where it has to wait for somebody's work to end */
  reserve(load: GroupLoad): boolean {
    const more = runningIn(load) > 0 ? 0 : 1;
    if (this.allowed + more > this.#jobsMax && (isIdle(load) || !this.#takeFromOthers())) return false;
    this.#allowedElsewhere += more;
    return true;
  }

  /** @returns whether its place is free now */
  open(load: GroupLoad): boolean {
    const more = runningIn(load) > 0 ? 0 : 1;
    if (this.#present + more > this.#jobsMax) return false;
    this.#presentElsewhere += more;
    return true;
  }

  #takeFromOthers(): boolean {
    const unused = this.#open.find(
      (group) => isIdle(group) && isWorkGroup(group.name) && this.#parallel(group) > runningIn(group),
    );
    if (unused !== undefined) return this.#lower(unused);
    const able = this.#open.filter((group) => this.#parallel(group) > 1);
    const [largest] = able.sort((a, b) => this.#parallel(b) - this.#parallel(a));
    return largest !== undefined && this.#lower(largest);
  }

  #lower(group: OpenGroup): boolean {
    const reason = `jobs_max is ${this.#jobsMax}, and others have use for the place`;
    const to = this.#parallel(group) - 1;
    this.steps.set(group.name, { to, reason });
    // A group that is held starts nothing more; what runs in it runs on, and has its place until then.
    if (to === 0) this.#allowedElsewhere += runningIn(group);
    return true;
  }

  #parallel(group: OpenGroup): number {
    return this.steps.get(group.name)?.to ?? group.parallel;
  }
}

function runningIn({ runningBytes }: GroupLoad): number {
  return runningBytes.length;
}

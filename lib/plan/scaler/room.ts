import { formatBytes } from "../../model/format.ts";
import { memoryLedger } from "../ledger.ts";
import type { Direction } from "./direction.ts";
import { bytesNow, placesOf, sum, tasksNow, type GroupLoad, type OpenGroup } from "./group-load.ts";
import { groupMaxOf, type ScalerLimits } from "./limits.ts";
import type { HostReading } from "./reading.ts";

/** What a host has left for more tasks at once, while one decision is made: the budget, available memory and `jobs_max`. */
export class Room {
  readonly #tasksMax: number;
  readonly #jobsMax: number;
  readonly #groupMax: (group: string) => number;
  /** Without pressure to warn of it, twice the room, as the older autoscaler had it. */
  readonly #caution: number;
  #freeBytes: number;
  #availableBytes: number;
  #tasks: number;
  #places: number;

  constructor(
    loads: readonly GroupLoad[],
    { memory, budget, jobsMax }: HostReading,
    source: Direction["source"],
    tasksMax: number,
    limits: ScalerLimits,
  ) {
    const kept = limits.danger.stopAdmitting.availableBelow;
    this.#tasksMax = tasksMax;
    this.#jobsMax = jobsMax;
    this.#groupMax = (group) => (source === "load" ? Math.min(jobsMax, groupMaxOf(limits, group)) : jobsMax);
    this.#caution = source === "load" ? 2 : 1;
    this.#freeBytes = memoryLedger(budget, loads.map(bytesNow)).freeBytes;
    this.#availableBytes = memory === undefined ? 0 : memory.availableBytes - memory.totalBytes * kept;
    this.#tasks = sum(loads.map(tasksNow));
    this.#places = sum(loads.map(placesOf));
  }

  /** Takes the room for one more at once of a group that has so many; or says why there is none. */
  take(load: OpenGroup, parallel: number): string | undefined {
    const running = load.runningBytes.length;
    const next = [...load.queuedBytes, ...load.waitingBytes][Math.max(0, parallel - running)];
    if (running < load.parallel) return `${running} of its ${load.parallel} run`;
    if (next === undefined) return "nothing more is queued";
    if (parallel >= this.#groupMax(load.name)) return `has ${parallel}, as many as may be`;
    if (this.#tasks >= this.#tasksMax) return `the host has ${this.#tasks} jobs; one more was too much lately`;
    return this.#takeFor(next);
  }

  /** Are all places of `jobs_max` taken? */
  get isFull(): boolean {
    return Math.max(this.#tasks, this.#places) >= this.#jobsMax;
  }

  /** Keeps places for groups that have none. */
  reserve(places: number): void {
    this.#places += places;
  }

  /** Of a group that may run one less at once. */
  giveBackPlace(): void {
    this.#places -= 1;
  }

  #takeFor(bytes: number): string | undefined {
    if (this.isFull) return `as many may run at once as jobs_max allows, ${this.#jobsMax}`;
    const wish = `the next asks for ${formatBytes(bytes)}`;
    if (bytes > this.#freeBytes) return `${wish}, ${formatBytes(Math.max(0, this.#freeBytes))} of the budget are free`;
    const needed = bytes * this.#caution;
    if (needed > this.#availableBytes) {
      return `${wish}, ${formatBytes(Math.max(0, this.#availableBytes))} of the host's memory can be given`;
    }
    this.#freeBytes -= bytes;
    this.#availableBytes -= needed;
    this.#tasks += 1;
    this.#places += 1;
    return undefined;
  }
}

import { describeFailure } from "../datasets/range/listener.ts";
import { Failure } from "../model/errors.ts";
import { exitCodes, type ExitCode } from "../model/exit-codes.ts";
import { rest } from "../model/rest.ts";
import type { HealPass } from "./pass.ts";
import type { ServiceManager } from "./service-manager.ts";

/** How long the daemon rests: when all was well, and when something is left or could not be looked at. */
export interface HealIntervals {
  readonly cleanMs: number;
  readonly activeMs: number;
}

export interface HealDaemon {
  /** One pass, with settings and registry as they are now. */
  readonly pass: () => Promise<HealPass>;
  readonly intervals: HealIntervals;
  readonly service: ServiceManager;
  /** Ends it, behind the next commit of what is at work. */
  readonly signal: AbortSignal;
  /** Calls back when a pass is wanted at once, until the signal aborts. */
  readonly onWake: (wake: () => void) => void;
  readonly line: (text: string) => void;
}

/**
 * Heals again and again, until it is told to stop. A pass that could not look, for the store is away, is tried again; an error that
 * is a bug ends it.
 */
export async function healForever(daemon: HealDaemon): Promise<ExitCode> {
  const { service, signal, line, intervals } = daemon;
  let wakes = new AbortController();
  daemon.onWake(() => wakes.abort());
  service.ready();
  while (!signal.aborted) {
    service.status("looking for gaps");
    const passed = await passOf(daemon);
    if (signal.aborted) break;
    const restMs = passed?.exitCode === exitCodes.ok ? intervals.cleanMs : intervals.activeMs;
    const state = passed === undefined ? "could not look" : `${passed.left.length} gaps left`;
    service.status(`${state}; the next look in ${Math.round(restMs / 1000)} s`);
    await service.rest(rest(restMs, AbortSignal.any([signal, wakes.signal])));
    if (wakes.signal.aborted && !signal.aborted) line("asked to look again, with settings and registry read anew");
    wakes = new AbortController();
  }
  await service.stopping();
  // A daemon that was asked to stop has done what it was asked.
  return exitCodes.ok;
}

async function passOf({ pass, line, signal }: HealDaemon): Promise<HealPass | undefined> {
  try {
    return await pass();
  } catch (error) {
    if (signal.aborted && error instanceof Error && error.name === "AbortError") return undefined;
    if (!(error instanceof Failure)) throw error;
    line(`${describeFailure(error)}; looked at again later`);
    return undefined;
  }
}

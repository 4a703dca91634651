import type { Ledger } from "../ledger/index.ts";
import type { OpenFleetHost } from "./fleet-host.ts";
import { recordResults } from "./results.ts";

export interface Cleaned {
  /** Tasks that succeeded and are forgotten. */
  readonly succeeded: number;
  /** Tasks that did not, and stay. */
  readonly kept: number;
}

/** Lets a host's queue forget what succeeded. What failed is evidence: it stays, and so do all results in the jobs' folders. */
export async function cleanQueue(fleetHost: OpenFleetHost, ledger: Ledger, isPlan: boolean): Promise<Cleaned> {
  const { entry, queue } = fleetHost;
  const { tasks } = await queue.poll();
  const outcomes = tasks.flatMap(({ state }) => (state.kind === "done" ? [state.outcome.kind] : []));
  const succeeded = outcomes.filter((kind) => kind === "success").length;
  if (succeeded > 0 && !isPlan) {
    await recordResults(fleetHost, tasks, ledger);
    ledger.journal.record("queue.cleaning", entry.name, { succeeded });
    await queue.clean();
  }
  return { succeeded, kept: outcomes.length - succeeded };
}

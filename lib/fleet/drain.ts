import type { FleetHost, ProcessEnvironment, Settings } from "../config/index.ts";
import { openLedger, type Ledger } from "../ledger/index.ts";
import { Failure } from "../model/errors.ts";
import { keepWord, memoryOf, untoldWord } from "./drain-word.ts";
import type { DrainWord } from "./host-memory.ts";
import { openFleetHost, type OpenFleetHost } from "./fleet-host.ts";
import { HostScaler, type ScaledHost } from "./scale/scale-host.ts";

/** A host after it was drained or opened again. */
export interface DrainedHost {
  /** Whether it was drained before; of a host that does not answer, whether it was said to be. */
  readonly wasDrained: boolean;
  /** Does its queue have groups that can be held? Slurm's has none, and starts what waits there. */
  readonly canHold: boolean;
  readonly scaled: ScaledHost;
}

/**
 * Drains hosts, or opens them again: kept in the ledger first, so that nothing is admitted from here even where the host does not answer;
 * then on the host, for all who work with it; and one decision of the autoscaler holds its groups, or lets them go as far as there is room.
 * @param isPlan look, and change nothing
 */
export async function setDrained(
  entries: readonly FleetHost[],
  isDrained: boolean,
  isPlan: boolean,
  settings: Settings,
  env: ProcessEnvironment,
): Promise<DrainedHost[]> {
  using ledger = openLedger(settings.stateDirectory);
  return await Promise.all(
    entries.map(async (entry): Promise<DrainedHost> => {
      await using fleetHost = openFleetHost(entry, settings.sshConfigFile);
      const { isDrained: known, saidMs } = await whatIsKnown(fleetHost, ledger);
      if (!isPlan) {
        // Who says it now has the last word, also where the clock of who spoke before is ahead. And where it was so already: somebody
        // may have said otherwise since, whom the host has not heard yet.
        const since = new Date(Math.max(ledger.clock.wallMs(), saidMs + 1)).toISOString();
        ledger.transaction(() => {
          ledger.journal.record(isDrained ? "host.drained" : "host.undrained", entry.name);
          keepWord(ledger, entry.name, { isDrained, since });
        });
      }
      const canHold = entry.queue !== "slurm";
      const scaled = await new HostScaler(fleetHost, !isPlan, settings, env, ledger).step();
      return { wasDrained: known ?? false, canHold, scaled };
    }),
  );
}

interface Known {
  /** Undefined where the host does not answer and nothing was said of it either. */
  readonly isDrained: boolean | undefined;
  /** When that was said last; 0 where it was not. */
  readonly saidMs: number;
}

async function whatIsKnown(fleetHost: OpenFleetHost, ledger: Ledger): Promise<Known> {
  try {
    const { word } = await memoryOf(fleetHost, ledger);
    return { isDrained: word?.isDrained ?? false, saidMs: saidMsOf(word) };
  } catch (error) {
    // The decision that follows meets the same, and says it.
    if (!(error instanceof Failure)) throw error;
    const word = untoldWord(ledger, fleetHost.entry.name);
    return { isDrained: word?.isDrained, saidMs: saidMsOf(word) };
  }
}

function saidMsOf(word: DrainWord | undefined): number {
  return word === undefined ? 0 : Date.parse(word.since);
}

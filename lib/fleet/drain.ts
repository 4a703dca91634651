import type { FleetHost, ProcessEnvironment, Settings } from "../config/index.ts";
import { openLedger, type Ledger } from "../ledger/index.ts";
import { Failure } from "../model/errors.ts";
import { keepWord, memoryOf, untoldWord } from "./drain-word.ts";
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
      const known = await isKnownDrained(fleetHost, ledger);
      if (!isPlan && known !== isDrained) {
        const since = new Date(ledger.clock.wallMs()).toISOString();
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

/** Undefined where the host does not answer and nothing was said of it either. */
async function isKnownDrained(fleetHost: OpenFleetHost, ledger: Ledger): Promise<boolean | undefined> {
  try {
    return (await memoryOf(fleetHost, ledger)).drain !== undefined;
  } catch (error) {
    // The decision that follows meets the same, and says it.
    if (!(error instanceof Failure)) throw error;
    return untoldWord(ledger, fleetHost.entry.name)?.isDrained;
  }
}

import type { FleetHost, ProcessEnvironment, Settings } from "../config/index.ts";
import { openLedger, type Ledger } from "../ledger/index.ts";
import { RefusedError } from "../model/errors.ts";
import { openFleetHost } from "./fleet-host.ts";
import { readDrain, writeDrain } from "./host-memory.ts";
import { HostScaler, type ScaledHost } from "./scale/scale-host.ts";

/** A host after it was drained or opened again. */
export interface DrainedHost {
  /** Whether it was drained before. */
  readonly wasDrained: boolean;
  /** Does its queue have groups that can be held? Slurm's has none, and starts what waits there. */
  readonly canHold: boolean;
  readonly scaled: ScaledHost;
}

/**
 * Drains hosts, or opens them again: kept in the ledger first, so that nothing is admitted even where the host does not answer;
 * then one decision of the autoscaler holds its groups, or lets them go as far as there is room.
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
      const wasDrained = readDrain(ledger, entry.name) !== undefined;
      if (!isPlan && wasDrained !== isDrained) {
        const since = new Date(ledger.clock.wallMs()).toISOString();
        ledger.transaction(() => {
          ledger.journal.record(isDrained ? "host.drained" : "host.undrained", entry.name);
          writeDrain(ledger, entry.name, isDrained ? { version: 1, since } : undefined);
        });
      }
      await using fleetHost = openFleetHost(entry, settings.sshConfigFile);
      const canHold = entry.queue !== "slurm";
      return { wasDrained, canHold, scaled: await new HostScaler(fleetHost, !isPlan, settings, env, ledger).step() };
    }),
  );
}

/**
 * The hosts that jobs may be queued on.
 * @param note says which are left out
 * @throws RefusedError HOST_DRAINED where that leaves none
 */
export function withoutDrained(
  entries: readonly FleetHost[],
  ledger: Ledger,
  note: (line: string) => void,
): readonly FleetHost[] {
  const drained = entries.filter(({ name }) => readDrain(ledger, name) !== undefined).map(({ name }) => name);
  if (drained.length === 0) return entries;
  if (drained.length === entries.length) {
    throw new RefusedError(
      `${drained.join(", ")} ${drained.length === 1 ? "is" : "are"} drained: nothing is queued there`,
      {
        code: "HOST_DRAINED",
        subject: drained.join(", "),
        hint: `barkeep undrain ${drained.join(" ")}`,
      },
    );
  }
  for (const name of drained) note(`${name}: left out, it is drained; barkeep undrain ${name} opens it again`);
  return entries.filter(({ name }) => !drained.includes(name));
}

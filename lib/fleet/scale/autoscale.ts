import type { FleetHost, ProcessEnvironment, Settings } from "../../config/index.ts";
import { openLedger, type Ledger } from "../../ledger/index.ts";
import { rest } from "../../model/rest.ts";
import { scalerLimits } from "../../plan/scaler/limits.ts";
import { openFleetHost } from "../fleet-host.ts";
import { HostScaler, type ScaledHost } from "./scale-host.ts";

/** One decision for each host, all at the same time. @param isApplied else nothing is changed */
export async function scaleOnce(
  entries: readonly FleetHost[],
  isApplied: boolean,
  settings: Settings,
  env: ProcessEnvironment,
): Promise<ScaledHost[]> {
  using ledger = openLedger(settings.stateDirectory);
  return await Promise.all(
    entries.map(async (entry) => {
      await using fleetHost = openFleetHost(entry, settings.sshConfigFile);
      return await new HostScaler(fleetHost, isApplied, settings, env, ledger).step();
    }),
  );
}

/**
 * Decides and does it again and again until the signal. Each host goes at its own pace: one that is away keeps no other waiting,
 * and is asked again like any other.
 * @param everyMs between two looks; a host whose memory is short is looked at sooner
 */
export async function scaleUntil(
  entries: readonly FleetHost[],
  everyMs: number,
  settings: Settings,
  env: ProcessEnvironment,
  signal: AbortSignal,
  onStep: (host: ScaledHost) => void,
): Promise<void> {
  using ledger = openLedger(settings.stateDirectory);
  await Promise.all(
    entries.map(async (entry) => scaleHostUntil(entry, everyMs, settings, env, ledger, signal, onStep)),
  );
}

async function scaleHostUntil(
  entry: FleetHost,
  everyMs: number,
  settings: Settings,
  env: ProcessEnvironment,
  ledger: Ledger,
  signal: AbortSignal,
  onStep: (host: ScaledHost) => void,
): Promise<void> {
  // The loop is the repetition.
  await using fleetHost = openFleetHost(entry, settings.sshConfigFile, 1);
  const scaler = new HostScaler(fleetHost, true, settings, env, ledger);
  while (!signal.aborted) {
    const scaled = await scaler.step();
    onStep(scaled);
    const { lookAgainMs } = scaled.decision;
    // While memory is short a decision says itself how soon the next has to come.
    await rest(lookAgainMs < scalerLimits.lookEveryMs ? Math.min(lookAgainMs, everyMs) : everyMs, signal);
  }
}

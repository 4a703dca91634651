import type { FleetHost, ProcessEnvironment, Settings } from "../../config/index.ts";
import { isLedgerReplaced, openLedger } from "../../ledger/index.ts";
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
  await Promise.all(entries.map(async (entry) => scaleHostUntil(entry, everyMs, settings, env, signal, onStep)));
}

async function scaleHostUntil(
  entry: FleetHost,
  everyMs: number,
  settings: Settings,
  env: ProcessEnvironment,
  signal: AbortSignal,
  onStep: (host: ScaledHost) => void,
): Promise<void> {
  // The loop is the repetition.
  await using fleetHost = openFleetHost(entry, settings.sshConfigFile, 1);
  while (!signal.aborted) {
    using ledger = openLedger(settings.stateDirectory);
    const scaler = new HostScaler(fleetHost, true, settings, env, ledger);
    await scaleWithLedger(scaler, everyMs, signal, onStep);
  }
}

/** Until the signal, or until a rebuild has replaced the ledger: the next one goes on from what is kept in the new one. */
async function scaleWithLedger(
  scaler: HostScaler,
  everyMs: number,
  signal: AbortSignal,
  onStep: (host: ScaledHost) => void,
): Promise<void> {
  while (!signal.aborted) {
    const scaled = await scaler.step();
    onStep(scaled);
    if (isLedgerReplaced(scaled.failure)) return;
    const { lookAgainMs } = scaled.decision;
    // While memory is short a decision says itself how soon the next has to come.
    await rest(lookAgainMs < scalerLimits.lookEveryMs ? Math.min(lookAgainMs, everyMs) : everyMs, signal);
  }
}

import { existsSync } from "node:fs";
import type { ProcessEnvironment, Settings } from "../config/index.ts";
import { ledgerPath, openLedger } from "../ledger/index.ts";
import { deliver } from "./deliver.ts";
import { openChannels } from "./open-channels.ts";

/**
 * Sends what waits in a state directory's ledger, where this machine may send. For commands that put something there and may run where
 * no heartbeat does.
 * @param log told of channels that took nothing; it waits for a later delivery
 * @throws as `openChannels`; what the ledger throws
 */
export async function sendWaiting(
  settings: Settings,
  env: ProcessEnvironment,
  signal: AbortSignal,
  log: (line: string) => void,
): Promise<void> {
  if (settings.notify.length === 0 || !existsSync(ledgerPath(settings.stateDirectory))) return;
  using ledger = openLedger(settings.stateDirectory);
  const { failures } = await deliver(ledger, openChannels(settings, env, ledger, log).channels, signal);
  for (const { channel, reason } of failures) log(`${channel}: ${reason}`);
}

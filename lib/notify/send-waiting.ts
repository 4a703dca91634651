import { existsSync } from "node:fs";
import type { ProcessEnvironment, Settings } from "../config/index.ts";
import { ledgerPath, openLedger } from "../ledger/index.ts";
import { Failure } from "../model/errors.ts";
import { deliver } from "./deliver.ts";
import { openChannels, type NotifySettings } from "./open-channels.ts";

/**
 * Sends what waits in a state directory's ledger, where this machine may send. For commands that put something there and may run where
 * no heartbeat does. They have given their answer by then: whatever fails is told and changes nothing of it.
 * @param log told of channels that took nothing, and of a ledger that did not; it waits for a later delivery
 */
export async function sendWaiting(
  settings: NotifySettings & Pick<Settings, "stateDirectory">,
  env: ProcessEnvironment,
  signal: AbortSignal,
  log: (line: string) => void,
): Promise<void> {
  if (settings.notify.length === 0 || !existsSync(ledgerPath(settings.stateDirectory))) return;
  try {
    using ledger = openLedger(settings.stateDirectory);
    const { failures } = await deliver(ledger, openChannels(settings, env, ledger, log).channels, signal);
    for (const { channel, reason } of failures) log(`${channel}: ${reason}`);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    log(`what waits could not be sent: ${error.message} (${error.code})`);
  }
}

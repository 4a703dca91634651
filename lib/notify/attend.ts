import type { Ledger } from "../ledger/index.ts";
import { rest } from "../model/rest.ts";
import { deliver } from "./deliver.ts";
import { deletePassed } from "./ephemeral.ts";
import type { OpenChannels } from "./open-channels.ts";
import { takeUpdates, type Explain } from "./updates.ts";

/** The Bot API lets a question wait so long for something to answer with. */
const longestPollSeconds = 25;
const pauseMs = 5_000;

/**
 * Sends what becomes due, obeys buttons as they are pressed and deletes messages in time, until the ledger's clock says
 * `untilMs()` or the signal is aborted.
 */
export async function attend(
  ledger: Ledger,
  { channels, telegram }: OpenChannels,
  explain: Explain,
  untilMs: () => number,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    if (telegram !== undefined) await deletePassed(ledger, telegram);
    await deliver(ledger, channels, signal);
    const leftMs = untilMs() - ledger.clock.wallMs();
    if (leftMs <= 0 || signal.aborted) return;
    const seconds = Math.min(longestPollSeconds, Math.ceil(leftMs / 1000));
    const isPolled =
      telegram !== undefined && (await takeUpdates(ledger, telegram, explain, seconds, signal)) === undefined;
    if (!isPolled) await rest(Math.min(pauseMs, leftMs), signal);
  }
}

/** When the last of the messages that are to be deleted is due; undefined where there is none. */
export function lastDeletionMs(ledger: Ledger, withinMs: number): number | undefined {
  return ledger.deliveries.dueForDeletion("telegram", ledger.clock.wallMs() + withinMs).at(-1)?.atMs;
}

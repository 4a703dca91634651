import type { Clock, Ledger } from "../ledger/index.ts";
import { rest } from "../model/rest.ts";
import { hasButtons } from "./buttons.ts";
import { deliver } from "./deliver.ts";
import { deletePassed } from "./ephemeral.ts";
import type { OpenChannels } from "./open-channels.ts";
import { takeUpdates, type Explain } from "./updates.ts";

/** The Bot API lets a question wait so long for something to answer with. */
const longestPollSeconds = 25;
const pauseMs = 5_000;

/**
 * Sends what becomes due, obeys buttons as they are pressed and deletes messages in time, until `leftMs()` has come to nothing or
 * the signal is aborted.
 */
export async function attend(
  ledger: Ledger,
  { channels, telegram }: OpenChannels,
  explain: Explain,
  leftMs: () => number,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    if (telegram !== undefined) await deletePassed(ledger, telegram);
    await deliver(ledger, channels, signal);
    const restMs = leftMs();
    if (restMs <= 0 || signal.aborted) return;
    const seconds = Math.min(longestPollSeconds, Math.ceil(restMs / 1000));
    const isPolled =
      telegram !== undefined && (await takeUpdates(ledger, telegram, explain, seconds, signal)) === undefined;
    if (!isPolled) await rest(Math.min(pauseMs, restMs), signal);
  }
}

/**
 * What is left of a time that begins now: by the clock that only goes forward, so that no wall clock that is set back draws it out; by
 * the wall clock where that is less, as behind a night with the lid closed.
 */
export function countdown(clock: Clock, forMs: number): () => number {
  const [beganMs, beganNs] = [clock.wallMs(), clock.monotonicNs()];
  return () => {
    const goneMs = Math.max(clock.wallMs() - beganMs, Number((clock.monotonicNs() - beganNs) / 1_000_000n));
    return forMs - goneMs;
  };
}

/**
 * How much longer a pass stays that is not followed by another one at once: until the messages that go after a while are deleted, and for as long
 * for the buttons under what it has sent. A press takes no answer by the time of the next pass. Where Telegram is not open there is neither.
 * @param lastsMs how long such messages last
 * @param sinceMs when the pass began; undefined where buttons are left to the next one
 */
export function staysFor(
  ledger: Ledger,
  { telegram }: Pick<OpenChannels, "telegram">,
  lastsMs: number,
  sinceMs: number | undefined,
): () => number {
  if (telegram === undefined) return () => 0;
  const sent = sinceMs === undefined ? [] : ledger.deliveries.sentSince(telegram.name, sinceMs);
  const hasAsked = sent.some((id) => {
    const message = ledger.outbox.byId(id);
    return message !== undefined && hasButtons(message);
  });
  const leftForButtonsMs = hasAsked ? countdown(ledger.clock, lastsMs) : (): number => 0;
  return () => Math.max(leftForDeletionMs(ledger, telegram.name, lastsMs), leftForButtonsMs());
}

/** How long it is until the last of the messages that are to be deleted within a time is due; 0 where there is none. */
function leftForDeletionMs(ledger: Ledger, channel: string, withinMs: number): number {
  const nowMs = ledger.clock.wallMs();
  const last = ledger.deliveries.dueForDeletion(channel, nowMs + withinMs).at(-1);
  return last === undefined ? 0 : last.atMs - nowMs;
}

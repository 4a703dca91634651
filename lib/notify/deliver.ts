import type { Claim, Ledger, Message, Outcome } from "../ledger/index.ts";
import type { Channel } from "./channel.ts";
import { consoleName } from "./console.ts";
import { notedChannels } from "./heartbeat-channels.ts";

/** What a delivery came to. */
export interface DeliveryReport {
  readonly sent: number;
  /** What still waits, for whatever channel. */
  readonly waiting: number;
  /** Why a channel did not take what it was given. */
  readonly failures: readonly { readonly channel: string; readonly reason: string }[];
}

/** A channel that nothing was sent through for so long, and that no heartbeat has had, is not waited for. */
const usedWithinMs = 24 * 3_600_000;

/** A wait that is longer than any that is asked for was written by a clock that has been set back since. */
const longestWaitMs = 24 * 3_600_000;

/**
 * Sends what is due, oldest first, through every channel: each message once. What a channel does not take waits for a later call;
 * where it is not known whether a message has arrived, it is sent again and says so. Messages that last only a while are not sent
 * again, nor when that while is over.
 */
export async function deliver(
  ledger: Ledger,
  channels: readonly Channel[],
  signal: AbortSignal,
): Promise<DeliveryReport> {
  const failures: { channel: string; reason: string }[] = [];
  let sent = 0;
  dropPassed(ledger);
  // One list for all of them: a message that one refuses rests from then on, and the next one is to have it still.
  const due = ledger.outbox.due();
  for (const channel of channels) {
    if (isResting(ledger, channel)) continue;
    for (const message of due) {
      if (signal.aborted) break;
      if (!channel.takes(message)) continue;
      const claim = ledger.deliveries.claim(message, channel.name);
      if (claim === "done" || claim === "busy") continue;
      const outcome = await sendAndRecord(ledger, channel, claim);
      if (outcome.result === "sent") {
        sent += 1;
        continue;
      }
      failures.push({ channel: channel.name, reason: outcome.reason });
      if (!(outcome.result === "failed" && outcome.isOfMessage === true)) break;
    }
  }
  if (channels.length > 0) closeDelivered(ledger, channels);
  return { sent, waiting: ledger.outbox.pending(), failures };
}

/** Is the channel to be left alone yet, after a failure? */
export function isResting(ledger: Ledger, { name }: Pick<Channel, "name">): boolean {
  const waitMs = ledger.deliveries.channel(name).notBeforeMs - ledger.clock.wallMs();
  return waitMs > 0 && waitMs <= longestWaitMs;
}

/** What said how things were a while ago is not sent any more; nor what a clock has dated that has been set back since. */
function dropPassed({ outbox, clock }: Ledger): void {
  const nowMs = clock.wallMs();
  for (const { id, createdMs, lastsMs } of outbox.waiting()) {
    if (lastsMs !== undefined && Math.abs(nowMs - createdMs) > lastsMs) outbox.close(id, "unknown");
  }
}

/** What says how things are now is worth nothing later, and who cannot tell its number cannot delete it. */
function isPassing({ lastsMs }: Message): boolean {
  return lastsMs !== undefined;
}

/** @throws what the ledger throws: what has become of the message is unknown then */
async function sendAndRecord(ledger: Ledger, channel: Channel, claim: Claim): Promise<Outcome> {
  try {
    const outcome = await sendOnce(channel, claim);
    record(ledger, claim, outcome);
    return outcome;
  } finally {
    ledger.deliveries.release(claim);
  }
}

async function sendOnce(channel: Channel, { message, mayRepeat }: Claim): Promise<Outcome> {
  if (mayRepeat && isPassing(message)) return { result: "failed", reason: "not sent again", isOfMessage: true };
  return channel.send(message, mayRepeat);
}

function record(ledger: Ledger, claim: Claim, outcome: Outcome): void {
  ledger.transaction(() => {
    ledger.deliveries.finish(claim, outcome);
    const isGivenUp =
      outcome.result !== "sent" && isPassing(claim.message) && (claim.mayRepeat || outcome.result === "unknown");
    if (isGivenUp) ledger.outbox.close(claim.message.id, "unknown");
  });
}

/** What a channel of another process still has to get is not closed for it; the console is there for whoever looks at it. */
function closeDelivered(ledger: Ledger, channels: readonly Channel[]): void {
  const { deliveries, clock } = ledger;
  const own = new Set([consoleName, ...channels.map(({ name }) => name)]);
  ledger.transaction(() => {
    const used = [...deliveries.usedSince(clock.wallMs() - usedWithinMs), ...notedChannels(ledger, usedWithinMs)];
    const others = used.filter((name) => !own.has(name));
    for (const message of ledger.outbox.waiting()) {
      const wanting = channels.filter((channel) => channel.takes(message)).map(({ name }) => name);
      const isEverywhere = [...wanting, ...others].every((name) => deliveries.isDelivered(message.id, name));
      if (isEverywhere) ledger.outbox.close(message.id, "sent");
    }
  });
}

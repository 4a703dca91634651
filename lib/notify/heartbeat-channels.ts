import { z } from "zod";
import type { Ledger } from "../ledger/index.ts";
import type { Channel } from "./channel.ts";

/** A note of this machine's watch; those of hosts have other names. */
const [subject, name] = ["watch", "heartbeat-channels"];

/** By the names of channels: when a pass last had them. */
const noteSchema = z.object({ channels: z.record(z.string(), z.number()) });

/**
 * Notes which channels a pass of the heartbeat has, whether it sends anything or not: after a good day a channel that takes no green
 * message has sent nothing, and is to get the next red one all the same. Those of other passes stay: one by hand may have others.
 */
export function noteChannels(ledger: Ledger, channels: readonly Pick<Channel, "name">[]): void {
  const nowMs = ledger.clock.wallMs();
  ledger.transaction(() => {
    const now = Object.fromEntries(channels.map((channel) => [channel.name, nowMs]));
    ledger.hostNotes.put(subject, name, { channels: { ...notedTimes(ledger), ...now } });
  });
}

/** The channels that a pass of the heartbeat has had within a time, by whatever way the clock was set since. */
export function notedChannels(ledger: Ledger, withinMs: number): string[] {
  const nowMs = ledger.clock.wallMs();
  return Object.entries(notedTimes(ledger)).flatMap(([channel, atMs]) =>
    Math.abs(nowMs - atMs) < withinMs ? [channel] : [],
  );
}

function notedTimes({ hostNotes }: Ledger): Readonly<Record<string, number>> {
  return hostNotes.get(subject, name, noteSchema)?.channels ?? {};
}

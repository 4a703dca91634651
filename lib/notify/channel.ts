import type { ChannelName } from "../config/index.ts";
import type { Message, Outcome } from "../ledger/index.ts";

/** A way to people. */
export interface Channel {
  readonly name: ChannelName;
  /** Whether messages of this kind go this way. */
  takes(message: Message): boolean;
  /**
   * Sends one message, once: a second try is the caller's affair.
   * @param mayRepeat it was sent before, and nobody knows whether it arrived: the message says so
   * @returns what became of it; never throws
   */
  send(message: Message, mayRepeat: boolean): Promise<Outcome>;
}

/** Stands in front of a message that may have arrived before. */
export const repeatNote = "May be a repeat: it is not known whether this arrived before.";

import type { Ledger, Message } from "../ledger/index.ts";
import { ConfigurationError, RefusedError } from "../model/errors.ts";

/** A message that waits and can be withdrawn. */
export interface WithdrawableMessage {
  readonly message: Message;
  /** Channels that have it, and keep it. */
  readonly has: readonly string[];
  /** Channels of which nobody knows whether they have it. */
  readonly mayHave: readonly string[];
}

/**
 * Messages by their numbers, each once. Changes nothing.
 * @param names numbers, with or without `#`
 * @throws ConfigurationError UNKNOWN_MESSAGE; RefusedError MESSAGE_NOT_WAITING, MESSAGE_UNDER_WAY
 */
export function withdrawable(ledger: Ledger, names: readonly string[]): WithdrawableMessage[] {
  const messages = names.map((name) => waitingMessage(ledger, name));
  return [...new Map(messages.map((message) => [message.id, message])).values()].map((message) => {
    const { has, mayHave, isGiven } = ledger.deliveries.whereabouts(message.id);
    if (isGiven.length === 0) return { message, has, mayHave };
    throw new RefusedError(`message ${message.id} is being sent by ${isGiven.join(", ")} at this moment`, {
      code: "MESSAGE_UNDER_WAY",
      hint: "type it again in a minute: barkeep notify list says whether it still waits",
    });
  });
}

/**
 * Gives messages up: all of them, or none where one cannot be.
 * @param by who, for the journal
 * @throws what {@link withdrawable} throws
 */
export function withdraw(ledger: Ledger, names: readonly string[], by: string): WithdrawableMessage[] {
  return ledger.transaction(() => {
    const all = withdrawable(ledger, names);
    for (const { message } of all) ledger.outbox.withdraw(message, by);
    return all;
  });
}

function waitingMessage({ outbox }: Ledger, name: string): Message {
  const id = Number(/^#?(\d{1,15})$/.exec(name)?.[1] ?? Number.NaN);
  const message = Number.isNaN(id) ? undefined : outbox.byId(id);
  if (message === undefined) {
    throw new ConfigurationError(`there is no message "${name}"`, {
      code: "UNKNOWN_MESSAGE",
      hint: "barkeep notify list has those that wait with their numbers",
    });
  }
  const state = outbox.stateOf(id);
  if (state === "pending") return message;
  const by = outbox.withdrawalOf(id)?.by;
  const given = by === undefined ? "has been given up" : `was withdrawn by ${by}`;
  throw new RefusedError(`message ${id} ${state === "sent" ? "was sent" : given}`, {
    code: "MESSAGE_NOT_WAITING",
    hint: "barkeep notify list has those that wait",
  });
}

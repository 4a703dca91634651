import type { Update } from "node-telegram-bot-api";
import type { Incident, Ledger } from "../ledger/index.ts";
import { readButton, type ButtonAction, type PressedButton } from "./buttons.ts";
import type { Telegram } from "./telegram.ts";

/** What is said of an incident to who asks. */
export type Explain = (incident: Incident) => string;

/** After a week without updates the Bot API numbers them anew. */
const numberingLastsMs = 6 * 24 * 3_600_000;

/**
 * Takes what people did by buttons since the last time: acks, snoozes, questions. Each counts once, and only from the chat that
 * the settings name; its effect and its number are kept together.
 * @param waitSeconds how long to wait for something where there is nothing
 * @returns why it could not be asked; undefined where it could
 */
export async function takeUpdates(
  ledger: Ledger,
  telegram: Telegram,
  explain: Explain,
  waitSeconds: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { nextUpdate, updatedMs = 0 } = ledger.deliveries.channel(telegram.name);
  const isKnown = ledger.clock.wallMs() - updatedMs < numberingLastsMs;
  const offset = isKnown ? nextUpdate : undefined;
  let updates: readonly Update[];
  try {
    updates = await telegram.updates(offset, waitSeconds, signal);
  } catch (error) {
    return signal.aborted ? undefined : telegram.describe(error);
  }
  for (const update of updates.toSorted((a, b) => a.update_id - b.update_id)) {
    if (offset !== undefined && update.update_id < offset) continue;
    const said = ledger.transaction(() => {
      // Another process may have taken it meanwhile.
      const { nextUpdate: next = 0 } = ledger.deliveries.channel(telegram.name);
      if (isKnown && update.update_id < next) return undefined;
      ledger.deliveries.setNextUpdate(telegram.name, update.update_id + 1);
      return obey(ledger, telegram, explain, update);
    });
    if (said !== undefined) await telegram.answer(said.callbackId, said.text);
  }
  return undefined;
}

/** @returns what the one who pressed is told; undefined where nobody of ours did */
function obey(
  ledger: Ledger,
  telegram: Telegram,
  explain: Explain,
  update: Update,
): { readonly callbackId: string; readonly text: string } | undefined {
  if (!("callback_query" in update)) return undefined;
  const { update_id: updateId, callback_query: pressed } = update;
  const chat = pressed.message?.chat;
  if (chat === undefined || !telegram.isOurs(chat)) return undefined;
  const tell = (text: string): { callbackId: string; text: string } => ({ callbackId: pressed.id, text });
  const button = readButton(pressed.data);
  const incidents = button === undefined ? [] : incidentsOf(ledger, button);
  if (button === undefined || incidents.length === 0) return tell("This message is of no incident that is known here.");
  const who = `telegram:${pressed.from.username ?? pressed.from.id}`;
  return tell(carryOut(ledger, button.action, incidents, explain, who, updateId));
}

function incidentsOf(ledger: Ledger, { id, createdMs }: PressedButton): Incident[] {
  const message = ledger.outbox.byId(id);
  if (message?.createdMs !== createdMs) return [];
  return message.incidents.flatMap((incident) => ledger.incidents.byId(incident) ?? []);
}

function carryOut(
  { incidents: kept, outbox }: Ledger,
  action: ButtonAction,
  incidents: readonly Incident[],
  explain: Explain,
  who: string,
  updateId: number,
): string {
  switch (action.kind) {
    case "ack": {
      const acked = incidents.filter(({ id }) => kept.ack(id, who));
      return acked.length === 0 ? "It is over already." : `Acked ${names(acked)}.`;
    }
    case "snooze": {
      const snoozed = incidents.filter(({ id }) => kept.snooze(id, action.forMs, who));
      const hours = action.forMs / 3_600_000;
      return snoozed.length === 0 ? "It is over already." : `Silent for ${hours} h: ${names(snoozed)}.`;
    }
    case "explain": {
      const text = incidents.map(explain).join("\n\n");
      const ids = incidents.map(({ id }) => id);
      outbox.enqueue({
        fingerprint: `answer ${updateId}`,
        severity: "info",
        text,
        kind: "answer",
        incidents: ids,
      });
      return "The answer follows.";
    }
    default:
      return action satisfies never;
  }
}

function names(incidents: readonly Incident[]): string {
  return incidents.map(({ id }) => `#${id}`).join(", ");
}

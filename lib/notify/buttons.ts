import type { SendMessageParams } from "node-telegram-bot-api";
import type { Message } from "../ledger/index.ts";

const hourMs = 3_600_000;

/** What a button asks for; the incidents are those of the message that it stands under. */
export type ButtonAction =
  { readonly kind: "ack" } | { readonly kind: "snooze"; readonly forMs: number } | { readonly kind: "explain" };

/** A button that was pressed, and the message that it stands under. */
export interface PressedButton {
  readonly action: ButtonAction;
  readonly id: number;
  readonly createdMs: number;
}

const buttons: Readonly<Record<string, { readonly label: string; readonly action: ButtonAction }>> = {
  ack: { label: "ack", action: { kind: "ack" } },
  snooze1: { label: "snooze 1 h", action: { kind: "snooze", forMs: hourMs } },
  snooze24: { label: "24 h", action: { kind: "snooze", forMs: 24 * hourMs } },
  explain: { label: "explain", action: { kind: "explain" } },
};

/** Does it tell of incidents that are not over? */
export function hasButtons({ kind, incidents }: Pick<Message, "kind" | "incidents">): boolean {
  return (kind === "opened" || kind === "reminder") && incidents.length > 0;
}

/** The buttons under a message that has them. */
export function keyboardOf(message: Message): Pick<SendMessageParams, "reply_markup"> {
  if (!hasButtons(message)) return {};
  const row = Object.entries(buttons).map(([name, { label }]) => ({
    text: label,
    callback_data: `bk1 ${name} ${nameOf(message)}`,
  }));
  return { reply_markup: { inline_keyboard: [row] } };
}

/** A button's data, read back; undefined for that of another program or release. */
export function readButton(data: string | undefined): PressedButton | undefined {
  const [, name = "", id, createdMs] = /^bk1 (\w+) (\d{1,15})-(\d{1,15})$/.exec(data ?? "") ?? [];
  const button = Object.hasOwn(buttons, name) ? buttons[name] : undefined;
  return button === undefined ? undefined : { action: button.action, id: Number(id), createdMs: Number(createdMs) };
}

/** The number alone is not enough: several machines may write to one chat, and each of them counts from one. */
function nameOf({ id, createdMs }: Message): string {
  return `${id}-${createdMs}`;
}

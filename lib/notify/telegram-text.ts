import type { Message } from "../ledger/index.ts";
import { hasButtons } from "./buttons.ts";
import { repeatNote } from "./channel.ts";

/** What the Bot API takes, in UTF-16 units of the text that is shown. */
const longestText = 4096;

/** What of a message its text depends on. */
export type Said = Pick<Message, "kind" | "incidents" | "text">;

/** A message as the Bot API's HTML: its first line bold, everything else as it is. */
export function telegramHtml(message: Said, mayRepeat: boolean): string {
  const note = mayRepeat ? `${repeatNote}\n` : "";
  const shown = shorten(message, longestText - note.length);
  const end = shown.indexOf("\n");
  const title = end < 0 ? shown : shown.slice(0, end);
  return `${note}<b>${escapeHtml(title)}</b>${escapeHtml(shown.slice(title.length))}`;
}

/** `<`, `>` and `&` as the Bot API wants them in HTML. */
export function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function shorten(message: Said, longest: number): string {
  const { text } = message;
  if (text.length <= longest) return text;
  const command = restCommand(message);
  const cut = command === undefined ? "\n… cut" : `\n… cut: ${command}`;
  const kept = text.slice(0, longest - cut.length);
  // Half of a pair is no character.
  return `${/[\uD800-\uDBFF]$/.test(kept) ? kept.slice(0, -1) : kept}${cut}`;
}

/** What shows the rest: a message that was sent waits no longer, so that no list of messages has it. Of what tells of no incident, nothing does. */
function restCommand(message: Said): string | undefined {
  const [first, ...others] = message.incidents;
  if (first === undefined) return undefined;
  if (others.length === 0) return `barkeep explain ${first}`;
  // An answer may be of an older message, some of whose incidents are over.
  return `${hasButtons(message) ? "barkeep incidents" : "barkeep incidents --past"}, then barkeep explain NUMBER`;
}

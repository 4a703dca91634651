import type { Message } from "../ledger/index.ts";
import { repeatNote } from "./channel.ts";

/** What the Bot API takes, in UTF-16 units of the text that is shown. */
const longestText = 4096;
const cut = "\n… cut: barkeep notify list";

/** A message as the Bot API's HTML: its first line bold, everything else as it is. */
export function telegramHtml({ text }: Pick<Message, "text">, mayRepeat: boolean): string {
  const note = mayRepeat ? `${repeatNote}\n` : "";
  const shown = shorten(text, longestText - note.length);
  const end = shown.indexOf("\n");
  const title = end < 0 ? shown : shown.slice(0, end);
  return `${note}<b>${escapeHtml(title)}</b>${escapeHtml(shown.slice(title.length))}`;
}

/** `<`, `>` and `&` as the Bot API wants them in HTML. */
export function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function shorten(text: string, longest: number): string {
  if (text.length <= longest) return text;
  const kept = text.slice(0, longest - cut.length);
  // Half of a pair is no character.
  return `${/[\uD800-\uDBFF]$/.test(kept) ? kept.slice(0, -1) : kept}${cut}`;
}

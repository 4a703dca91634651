import type { Ledger } from "../ledger/index.ts";
import type { Telegram } from "./telegram.ts";

/** The Bot API deletes no message that is older. */
const deletableMs = 48 * 3_600_000;

/** Deletes messages that have lasted long enough, of this process and of earlier ones. @returns how many */
export async function deletePassed(ledger: Ledger, telegram: Telegram): Promise<number> {
  let deleted = 0;
  const nowMs = ledger.clock.wallMs();
  // None lasts for so long: what is due later was written by a clock that has been set back since.
  const isDue = ({ atMs }: { readonly atMs: number }): boolean => atMs <= nowMs || atMs > nowMs + deletableMs;
  const kept = ledger.deliveries.dueForDeletion(telegram.name, Number.MAX_SAFE_INTEGER);
  for (const { id, messageId, atMs } of kept.filter(isDue)) {
    const deletion = await telegram.delete(messageId);
    if (deletion === "away") break;
    // The bot may be let into that chat again; the others are of another one.
    if (deletion === "refused" && nowMs - atMs < deletableMs) continue;
    ledger.deliveries.deleted(id);
    if (deletion === "gone") deleted += 1;
  }
  return deleted;
}

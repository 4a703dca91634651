import type { Ledger } from "../ledger/index.ts";
import type { Telegram } from "./telegram.ts";

/** The Bot API deletes no message that is older. */
const deletableMs = 48 * 3_600_000;

/** Deletes messages that have lasted long enough, of this process and of earlier ones. @returns how many */
export async function deletePassed(ledger: Ledger, telegram: Telegram): Promise<number> {
  let deleted = 0;
  const nowMs = ledger.clock.wallMs();
  for (const { id, messageId, atMs } of ledger.deliveries.dueForDeletion(telegram.name, nowMs)) {
    const deletion = await telegram.delete(messageId);
    if (deletion === "away") break;
    // The bot may be let into that chat again; the others are of another one.
    if (deletion === "refused" && nowMs - atMs < deletableMs) continue;
    ledger.deliveries.deleted(id);
    if (deletion === "gone") deleted += 1;
  }
  return deleted;
}

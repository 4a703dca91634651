import type { Ledger } from "../ledger/index.ts";
import type { Telegram } from "./telegram.ts";

/** Deletes messages that have lasted long enough, of this process and of earlier ones. @returns how many */
export async function deletePassed(ledger: Ledger, telegram: Telegram): Promise<number> {
  let deleted = 0;
  for (const { id, messageId } of ledger.deliveries.dueForDeletion(telegram.name, ledger.clock.wallMs())) {
    if (!(await telegram.delete(messageId))) break;
    ledger.deliveries.deleted(id);
    deleted += 1;
  }
  return deleted;
}

import { ConfigurationError } from "../model/errors.ts";
import type { Ledger } from "./ledger.ts";

/**
 * Accepts what the store has lost or changed: it stays on record with its reason, and is no longer reported.
 * @returns how many rows
 * @throws ConfigurationError NO_REASON
 */
export function acceptDivergence(ledger: Ledger, reason: string): number {
  if (reason.trim() === "") {
    throw new ConfigurationError("a reason is wanted", { code: "NO_REASON", hint: "say it with --reason" });
  }
  return ledger.transaction(() => {
    const seq = ledger.journal.record("ledger.accepted", ledger.storeId ?? "", { reason });
    return ledger.mirror.accept(seq);
  });
}

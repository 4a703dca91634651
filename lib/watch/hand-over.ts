import { existsSync } from "node:fs";
import { ledgerPath, openLedger } from "../ledger/index.ts";
import { fingerprintOf, type Finding } from "./finding.ts";

/**
 * Puts findings into a state directory's outbox, each once while it waits to be delivered. A ledger that is not there is not made, and
 * one that could not be read a moment ago is not tried again.
 */
export function handOver(stateDirectory: string, findings: readonly Finding[]): void {
  const isReadable = findings.every(({ kind }) => kind !== "ledger-unreadable");
  if (findings.length === 0 || !isReadable || !existsSync(ledgerPath(stateDirectory))) return;
  using ledger = openLedger(stateDirectory);
  ledger.transaction(() => {
    for (const finding of findings) {
      const severity = finding.verdict === "wrong" ? "critical" : "warning";
      const text = `${finding.subject}: ${finding.summary}`;
      ledger.outbox.enqueue({ fingerprint: fingerprintOf(finding), severity, text });
    }
  });
}

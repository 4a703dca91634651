import type { Ledger } from "../ledger/index.ts";
import { fingerprintOf, type Finding } from "./finding.ts";

/** Puts findings into the outbox, each once while it waits to be delivered. */
export function handOver(ledger: Ledger, findings: readonly Finding[]): void {
  ledger.transaction(() => {
    for (const finding of findings) {
      const severity = finding.verdict === "wrong" ? "critical" : "warning";
      const text = `${finding.subject}: ${finding.summary}`;
      ledger.outbox.enqueue({ fingerprint: fingerprintOf(finding), severity, text });
    }
  });
}

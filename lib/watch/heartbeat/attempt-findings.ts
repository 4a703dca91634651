import type { FailedUnit } from "../../ledger/index.ts";
import type { Finding } from "../finding.ts";
import { utcMinute } from "../incident-messages.ts";

/** Does the code say that the store did not take what it was given? */
export function isStoreCode(code: string): boolean {
  return code === "DISK_FULL" || code.startsWith("STORE_");
}

/** Units whose last attempt from this machine ended because the store did not take its bars, and that are not whole since. Pure. */
export function attemptFindings(
  failed: readonly FailedUnit[],
  isWhole: (unit: string) => boolean | undefined,
): Finding[] {
  return failed.flatMap(({ unit, code, endedMs }): Finding[] => {
    if (!isStoreCode(code) || isWhole(unit) === true) return [];
    const summary = `its attempt that ended ${utcMinute(endedMs)} could not write: ${code}`;
    return [
      {
        kind: "store-write-failed",
        subject: unit,
        verdict: isWhole(unit) === false ? "wrong" : "unknown",
        summary,
        evidence: { code, ended: utcMinute(endedMs) },
      },
    ];
  });
}

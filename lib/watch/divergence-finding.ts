import { buildName, type Divergence } from "../ledger/index.ts";
import type { Finding } from "./finding.ts";

/** A build of which the store does not say any more what the ledger has seen there. */
export function divergenceFinding({ unit, missing, changed, doubled }: Divergence): Finding {
  const summary = `the store lacks ${missing} rows of coverage that it had, has ${changed} otherwise and ${doubled} more than once`;
  const evidence = { missing: String(missing), changed: String(changed), doubled: String(doubled) };
  return { kind: "store-differs", subject: unit.series, place: buildName(unit), verdict: "wrong", summary, evidence };
}

import { buildName, endOfDivergence, standingDivergences, type Divergence } from "../ledger/index.ts";
import { fingerprintOf, type Finding } from "./finding.ts";

/** What is found of builds of which something is missed. */
export function divergenceFindings(divergences: readonly Divergence[]): Finding[] {
  return standingDivergences(divergences).map(divergenceFinding);
}

/** Why others are no finding any more, by the fingerprint that they had. */
export function divergenceEnds(divergences: readonly Divergence[]): ReadonlyMap<string, string> {
  return new Map(
    divergences.flatMap((one) => {
      const why = endOfDivergence(one);
      return why === undefined ? [] : [[fingerprintOf(divergenceFinding(one)), why] as const];
    }),
  );
}

/** A build of which the store does not say any more what the ledger has seen there. */
function divergenceFinding({ unit, missing, changed, doubled }: Divergence): Finding {
  const summary = `the store lacks ${missing} rows of coverage that it had, has ${changed} otherwise and ${doubled} more than once`;
  const evidence = { missing: String(missing), changed: String(changed), doubled: String(doubled) };
  return { kind: "store-differs", subject: unit.series, place: buildName(unit), verdict: "wrong", summary, evidence };
}

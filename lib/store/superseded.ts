import { z } from "zod";
import { RefusedError } from "../model/errors.ts";
import { sqlInteger, sqlString } from "./sql/literal.ts";
import type { Store } from "./store.ts";
import type { OpenUnit } from "./units.ts";

const lookRow = z.object({
  what: z.enum(["committed", "leased", "published"]),
  series: z.string(),
  segment: z.string(),
  build: z.number(),
  attempt: z.string().transform(BigInt),
});
type LookRow = z.output<typeof lookRow>;

/**
 * Has another attempt committed to one of these units since it was opened, has a later one taken its lease, or has another build
 * been published? One look for all. A courtesy: correctness rests on the chain, not on this look.
 * @throws RefusedError SUPERSEDED
 */
export async function refuseIfSuperseded(store: Store, units: readonly OpenUnit[]): Promise<void> {
  const rows = Map.groupBy(await look(store, units), ({ series, segment }) => `${series} ${segment}`);
  const superseded = units.find((unit) =>
    rows.get(`${unit.series} ${unit.segment}`)?.some((row) => isOvertaken(unit, row)),
  );
  if (superseded === undefined) return;
  throw new RefusedError(`another process has taken ${superseded.unitId} over`, {
    code: "SUPERSEDED",
    subject: superseded.unitId,
    hint: "nothing is lost; let the other one go on, or run the same command again once it has ended",
  });
}

function isOvertaken(unit: OpenUnit, { what, build, attempt }: LookRow): boolean {
  if (what === "published") return build !== unit.published;
  if (build !== unit.build || attempt === unit.attempt) return false;
  return what === "leased" ? attempt > unit.attempt : !unit.attempts.has(attempt);
}

/** Who has committed to the units' segments, who holds leases there, and what is published. */
async function look(store: Store, units: readonly OpenUnit[]): Promise<LookRow[]> {
  const builds = units.map(
    ({ series, segment, build }) => `(${sqlString(series)}, ${sqlString(segment)}, ${sqlInteger(build)})`,
  );
  const segments = units.map(({ series, segment }) => `(${sqlString(series)}, ${sqlString(segment)})`);
  const ofBuilds = `WHERE (series, segment, build) IN (${builds.join(", ")}) GROUP BY series, segment, build, attempt`;
  return store.rows(
    `SELECT 'committed' AS what, series, segment, build, attempt FROM barkeep.coverage ${ofBuilds}
UNION ALL
SELECT 'leased', series, segment, build, attempt FROM barkeep.leases ${ofBuilds} HAVING max(event) != 'released'
UNION ALL
SELECT 'published', series, segment, argMax(build, (seq, build)), 0 FROM barkeep.pointer
WHERE (series, segment) IN (${segments.join(", ")}) GROUP BY series, segment`,
    lookRow,
  );
}

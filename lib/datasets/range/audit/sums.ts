import type { CoverageRow } from "../../../store/index.ts";
import type { Forming, PartSums } from "./bars.ts";
import type { Findings } from "./finding.ts";
import type { Run, Subject } from "./subject.ts";

const quantities = ["records", "fills", "volume", "turnover"] as const;
type Quantity = (typeof quantities)[number];

/**
 * What went in must have come out: between two holes the bars' sums are those of the coverage, where the forming bar counts
 * with the last stretch; and each coverage row counts the bars that ended in it.
 * @param sums by the first id of the coverage row
 */
export function auditSums(
  subject: Subject,
  sums: ReadonlyMap<bigint, PartSums>,
  forming: Forming | undefined,
  findings: Findings,
): void {
  let orphans = 0n;
  for (const { orphans: more } of sums.values()) orphans += more;
  const counted = subject.pinned.parts.reduce((sum, part) => sum + part.orphans, 0n);
  if (orphans !== counted) {
    findings.add("ORPHAN_COUNT", `coverage counts ${counted} orphans, the store has ${orphans}`);
  }
  for (const part of subject.pinned.parts) {
    const own = isEmpty(part) ? undefined : sums.get(part.fromId);
    if (own !== undefined) auditEnds(part, own, findings);
    const bars = own?.bars ?? 0n;
    if (bars === part.bars) continue;
    const what = `coverage of ids ${part.fromId} … ${part.throughId} counts ${part.bars} bars, the store has ${bars}`;
    findings.add("BAR_COUNT", what, { day: part.day, id: part.fromId });
  }
  for (const run of subject.runs) {
    for (const quantity of quantities) auditQuantity(subject, run, quantity, sums, forming, findings);
  }
}

/** Bars close while their coverage has trades, and end with a trade that it has. */
function auditEnds(part: CoverageRow, { firstUs, lastUs, lastId, ids }: PartSums, findings: Findings): void {
  const [earliest, latest, last] = ids;
  for (const [id, us] of [[earliest, firstUs] as const, [latest, lastUs] as const]) {
    if (us >= part.firstUs && us <= part.lastUs) continue;
    const times = `${part.firstUs} … ${part.lastUs} µs`;
    const what = `the bar that begins with trade ${id} closes at ${us} µs, its coverage has times ${times}`;
    findings.add("TIME_OUTSIDE_COVERAGE", what, { day: part.day, id });
  }
  if (lastId <= part.throughId) return;
  const what = `the bar that begins with trade ${last} ends with trade ${lastId}, which coverage does not have`;
  findings.add("BAR_NOT_COVERED", what, { day: part.day, id: last });
}

function auditQuantity(
  subject: Subject,
  run: Run,
  quantity: Quantity,
  sums: ReadonlyMap<bigint, PartSums>,
  forming: Forming | undefined,
  findings: Findings,
): void {
  // From here on it cannot be right: the bars hold more than there was to make them of.
  let impossible: CoverageRow | undefined;
  let [covered, stored] = [0n, 0n];
  for (const part of run.parts) {
    covered += part[quantity];
    stored += isEmpty(part) ? 0n : (sums.get(part.fromId)?.[quantity] ?? 0n);
    if (stored > covered) impossible ??= part;
  }
  const isOpen = run === subject.runs.at(-1);
  if (isOpen) stored += forming?.[quantity] ?? 0n;
  // What has been forming is not known without the checkpoint, which has its own finding.
  const isKnown = !isOpen || subject.checkpoint !== undefined;
  if (impossible === undefined && (stored === covered || !isKnown)) return;
  const since = impossible === undefined ? "" : `; up to ${impossible.day} they have more than it`;
  const what = `${quantity} of ids ${run.fromId} … ${run.throughId}: coverage says ${covered}, the bars ${stored}${since}`;
  findings.add("CONSERVATION", what, { day: impossible?.day, id: run.fromId });
}

/** The end of a segment, found out without reading further ids. */
function isEmpty(part: CoverageRow): boolean {
  return part.fromId > part.throughId;
}

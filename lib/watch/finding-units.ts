import { unitsOf } from "../fleet/jobs.ts";
import { unitId } from "../model/series.ts";
import { parseLabel } from "../queue/label.ts";
import type { UnitOutline } from "../store/index.ts";
import type { Finding } from "./finding.ts";

/** What it is about, of a finding or of an incident. */
export type About = Pick<Finding, "subject" | "evidence"> & { readonly place?: string | undefined };

/** Whether a finding, or an incident, is a series' own, or of one of its units, or of a job that makes one. */
export function isFindingOfSeries(finding: About, series: string): boolean {
  const prefix = unitId(series, "");
  return finding.subject === series || namesOf(finding).some((name) => name.startsWith(prefix));
}

/**
 * Whether it is of a unit. Each kind says so in its own way: as its subject (a unit, or a job of several), as its place (a unit or one of
 * its builds), among its evidence's units; what bars show has ids alone.
 * @param outline what is covered of the unit; undefined where nothing is
 */
export function isFindingOfUnit(finding: About, unit: string, outline: UnitOutline | undefined): boolean {
  if (namesOf(finding).some((name) => name === unit || name.startsWith(`${unit}#`))) return true;
  const { units, ids = "" } = finding.evidence;
  if (outline === undefined || finding.subject !== outline.series || units !== undefined) return false;
  const [, from, through] = /^(\d+) … (\d+)$/.exec(ids) ?? [];
  if (from === undefined || through === undefined) return false;
  return BigInt(from) <= outline.throughId && BigInt(through) >= outline.fromId;
}

function namesOf({ subject, place = "", evidence }: About): string[] {
  // A label without the attempt and the settings that stand behind it.
  const job = parseLabel(`${subject}#1~0`);
  const units = evidence["units"]?.split(" ") ?? [];
  return [subject, place.replace(/^bars of /, ""), ...units, ...(job === undefined ? [] : unitsOf(job))];
}

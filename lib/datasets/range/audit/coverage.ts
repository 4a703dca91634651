import { archiveName } from "../../../sources/archive/layout.ts";
import { readCheckpoint, type CoverageRow } from "../../../store/index.ts";
import { formatDigest } from "../../../native/index.ts";
import { addDays } from "../../../model/day.ts";
import type { Findings } from "./finding.ts";
import { startUs, type Subject } from "./subject.ts";

/** What coverage must be by itself, without a look at the bars. */
export function auditCoverage(subject: Subject, findings: Findings): void {
  const { parts } = subject.pinned;
  const { firstDay } = subject.record;
  if (firstDay === undefined) findings.add("BUILD_UNKNOWN", `build ${subject.pinned.build} is not on record`);
  else if (parts[0].day < firstDay) {
    findings.add("COVERAGE_DAY", `its build was asked for from ${firstDay} on`, placeOf(parts[0]));
  }
  parts.forEach((part, i) => {
    auditRow(subject, part, findings);
    const before = parts[i - 1];
    if (before !== undefined) auditNeighbours(before, part, findings);
  });
  auditChain(subject, findings);
}

function placeOf(part: CoverageRow): { day: CoverageRow["day"]; id: bigint } {
  return { day: part.day, id: part.fromId };
}

function idsOf(part: CoverageRow): string {
  return `coverage of ids ${part.fromId} … ${part.throughId}`;
}

function auditRow(subject: Subject, part: CoverageRow, findings: Findings): void {
  const place = placeOf(part);
  const ids = part.throughId - part.fromId + 1n;
  if (part.records + part.quarantined !== ids || (ids === 0n && part !== subject.last)) {
    const what = `${idsOf(part)} counts ${part.records} trades and ${part.quarantined} quarantined ids, which are not ${ids}`;
    findings.add("COVERAGE_COUNTS", what, place);
  }
  const least = part.records === 0n ? 0n : 1n;
  if (part.fills < part.records || part.volume < least || part.turnover < part.volume) {
    const what = `${idsOf(part)} has ${part.fills} fills, volume ${part.volume}, turnover ${part.turnover} of ${part.records} trades`;
    findings.add("COVERAGE_SUMS", what, place);
  }
  const { firstDay, lastDay } = subject.segment;
  if (part.day < firstDay || part.day > lastDay) {
    findings.add("COVERAGE_DAY", `${idsOf(part)} is of a day outside the segment`, place);
  }
  const [dayUs, dayEndUs] = [startUs(part.day), startUs(addDays(part.day, 1))];
  if (part.firstUs > part.lastUs || part.firstUs < dayUs || part.lastUs >= dayEndUs) {
    const what = `${idsOf(part)} has times ${part.firstUs} … ${part.lastUs} µs, which are not on its day`;
    findings.add("COVERAGE_TIME", what, place);
  }
  const name = archiveName(subject.series.symbol, part.day);
  if (part.sourceName !== name || !/^[0-9a-f]{64}$/.test(part.sourceSha256) || part.sourceRevision < 1) {
    const source = `${part.sourceName}, SHA-256 ${part.sourceSha256}, revision ${part.sourceRevision}`;
    findings.add("COVERAGE_SOURCE", `${idsOf(part)} is from ${source}; it should be from ${name}`, place);
  }
}

function auditNeighbours(before: CoverageRow, part: CoverageRow, findings: Findings): void {
  const place = placeOf(part);
  if (part.fromId <= before.throughId) {
    const what = `ids ${part.fromId} … ${before.throughId} are covered twice (${before.day}, ${part.day})`;
    findings.add("OVERLAP", what, place);
    return;
  }
  if (part.day < before.day) findings.add("COVERAGE_DAY", `${idsOf(part)} comes behind ${before.day}`, place);
  if (part.firstUs < before.lastUs) {
    const what = `${idsOf(part)} begins at ${part.firstUs} µs, before ${before.lastUs} µs, where the one before it ends`;
    findings.add("COVERAGE_TIME", what, place);
  }
  if (part.day !== before.day) return;
  if (part.sourceSha256 !== before.sourceSha256 || part.sourceRevision !== before.sourceRevision) {
    const what = `${idsOf(part)} is from another file of its day than the ids before it: ${part.sourceSha256}`;
    findings.add("COVERAGE_SOURCE", what, place);
  }
  if (before.dayDone && part.fromId <= part.throughId) {
    findings.add("COVERAGE_DAY", `${idsOf(part)} goes on with a day that was read to its end`, place);
  }
}

/** Each attempt's rows name the chain before it and are numbered; checkpoints are where somebody went on, and agree with their row. */
function auditChain({ pinned, series, last }: Subject, findings: Findings): void {
  const next = new Map<bigint, number>();
  const ends = new Set<bigint>();
  pinned.links.forEach(({ attempt, throughId }, i) => {
    const base = pinned.links.slice(0, i).map((link) => `${link.attempt}:${link.throughId}`);
    const own = pinned.parts.filter((part) => part.attempt === attempt);
    const differing = own.find(
      (part) => part.base.map((link) => `${link.attempt}:${link.throughId}`).join() !== base.join(),
    );
    if (differing !== undefined) {
      findings.add("COVERAGE_CHAIN", `${idsOf(differing)} names another base than its chain has`, placeOf(differing));
    }
    if (own.length > 0 && own.at(-1)?.throughId !== throughId) {
      findings.add(
        "COVERAGE_CHAIN",
        `attempt ${attempt} ends at id ${own.at(-1)?.throughId}, its successor goes on from ${throughId}`,
      );
    }
    ends.add(throughId);
  });
  for (const part of pinned.parts) {
    const expected = next.get(part.attempt) ?? 0;
    if (part.part !== expected) {
      findings.add(
        "COVERAGE_CHAIN",
        `${idsOf(part)} is number ${part.part} of its attempt, not ${expected}`,
        placeOf(part),
      );
    }
    next.set(part.attempt, expected + 1);
    if (part.checkpoint !== "") {
      const { fault } = readCheckpoint(
        { ...part, thresholdDbps: series.threshold },
        Buffer.from(part.checkpoint, "base64"),
      );
      if (fault !== undefined) findings.add(fault.code, `${idsOf(part)}: ${fault.text}`, placeOf(part));
    } else if (part === last || ends.has(part.throughId)) {
      findings.add("CHECKPOINT_MISSING", `${idsOf(part)} ends a commit and carries no checkpoint`, placeOf(part));
    }
  }
}

/** @param differsAt the first row whose bars are not what was committed */
export function digestFinding(
  findings: Findings,
  { stored, committed, differsAt }: { stored: bigint; committed: bigint; differsAt: CoverageRow | undefined },
): void {
  if (differsAt === undefined) return;
  const whole = `the stored bars have digest ${formatDigest(stored)}, committed was ${formatDigest(committed)}`;
  const what = `${whole}; up to id ${differsAt.throughId} they differ, and not before id ${differsAt.fromId}`;
  findings.add("DIGEST", what, placeOf(differsAt));
}

import type { Day } from "../../model/day.ts";
import type { ArchiveSource } from "../../sources/archive/index.ts";
import type { BuildFingerprint, BuildRecord, CoverageRow, PinnedSegment } from "../../store/index.ts";

/** Days whose digests are asked for at once. */
const asksAtOnce = 8;

/**
 * Why a build would not come out the same today; nothing where it would.
 * @param build undefined where it is not on record
 */
export async function rebuildReason(
  build: BuildRecord | undefined,
  pinned: PinnedSegment,
  fingerprint: BuildFingerprint,
  storedRows: number,
  source: ArchiveSource,
  signal: AbortSignal,
): Promise<string | undefined> {
  return (
    fingerprintReason(build, fingerprint) ??
    lostReason(pinned, storedRows) ??
    (await revisionReason(pinned.parts, source, signal))
  );
}

function fingerprintReason(build: BuildRecord | undefined, fingerprint: BuildFingerprint): string | undefined {
  if (build === undefined) return "what made it is not on record";
  if (build.barVersion !== fingerprint.barVersion) {
    return `made by bar version ${build.barVersion}, this program makes ${fingerprint.barVersion}`;
  }
  if (build.featureProfile !== fingerprint.featureProfile) {
    return `made with feature profile ${build.featureProfile}, this program makes ${fingerprint.featureProfile}`;
  }
  if (build.gateUnitUs === BigInt(fingerprint.gateUnitUs)) return undefined;
  return `made with a gate of ${build.gateUnitUs} µs, this program's is ${fingerprint.gateUnitUs} µs`;
}

function lostReason(pinned: PinnedSegment, storedRows: number): string | undefined {
  const committed = committedRows(pinned);
  return BigInt(storedRows) >= committed ? undefined : `the store has ${storedRows} of ${committed} bars`;
}

/** Bars that were committed, orphans among them. */
export function committedRows({ parts }: PinnedSegment): bigint {
  return parts.reduce((sum, part) => sum + part.bars + part.orphans, 0n);
}

async function revisionReason(
  parts: readonly CoverageRow[],
  source: ArchiveSource,
  signal: AbortSignal,
): Promise<string | undefined> {
  const revised = await revisedDays(parts, source, signal);
  const [first] = revised;
  if (first === undefined) return undefined;
  return revised.length === 1
    ? `the archive of ${first} was revised`
    : `the archives of ${revised.length} days were revised, the first is that of ${first}`;
}

/** The days whose published archive is another one than they were built from. A day that is gone is none of them. */
export async function revisedDays(
  parts: readonly CoverageRow[],
  source: ArchiveSource,
  signal: AbortSignal,
): Promise<Day[]> {
  const builtFrom = [...new Map(parts.map((part) => [part.day, part.sourceSha256]))];
  const revised: Day[] = [];
  for (let at = 0; at < builtFrom.length; at += asksAtOnce) {
    const asked = builtFrom.slice(at, at + asksAtOnce);
    const digests = await Promise.all(asked.map(async ([day]) => source.digestOf(day, signal)));
    revised.push(...asked.filter(([, sha256], i) => (digests[i] ?? sha256) !== sha256).map(([day]) => day));
  }
  return revised;
}

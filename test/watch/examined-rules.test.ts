import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRegistry } from "../../lib/config/index.ts";
import { gapOfExhausted } from "../../lib/heal/findings.ts";
import type { IncidentBody } from "../../lib/ledger/index.ts";
import { addDays, dayStartMs, parseDay } from "../../lib/model/day.ts";
import { parseSegmentId } from "../../lib/model/segments.ts";
import { parseThreshold, seriesId, type RangeSeries } from "../../lib/model/series.ts";
import type { UnitOutline } from "../../lib/store/index.ts";
import { couldFind } from "../../lib/watch/could-find.ts";
import { nothingKnown } from "../../lib/watch/condition.ts";
import { examinedBy } from "../../lib/watch/examined.ts";
import type { SeriesLook, WatchReport } from "../../lib/watch/find-gaps.ts";
import type { FindingKind } from "../../lib/watch/finding.ts";
import { freshnessOf } from "../../lib/watch/freshness.ts";
import { isExamined } from "../../lib/watch/incident-rules.ts";
import type { WatchLimits } from "../../lib/watch/limits.ts";
import { everything, staleHoursDefault, wishesOf, type Selection } from "../../lib/watch/wish.ts";
import { minimalRegistry } from "../rig/registry.ts";

const key: RangeSeries = { venue: "binance", market: "spot", symbol: "BTCUSDT", threshold: parseThreshold(250) };
const series = seriesId(key);
const day = parseDay("2024-03-05");
const endMs = dayStartMs(addDays(day, 1));

const unit: UnitOutline = {
  series,
  segment: parseSegmentId("2024"),
  build: 1,
  firstDay: day,
  lastDay: day,
  lastDayDone: true,
  fromId: 0n,
  throughId: 9n,
  firstUs: BigInt(dayStartMs(day)) * 1000n,
  lastUs: BigInt(endMs) * 1000n,
  days: 1,
  bars: 1,
  orphans: 0,
  quarantined: 0,
  negativeParts: 0,
  attemptsHash: 0n,
  breaks: [],
};

/** A look at one series of one day, so many hours behind its end. */
interface LookedAt {
  readonly limits?: WatchLimits;
  readonly hours?: number;
  readonly registry?: string;
  readonly isBlind?: boolean;
  readonly archives?: WatchReport["archives"];
  readonly selection?: Selection;
  readonly gaps?: SeriesLook["gaps"];
}

function reportOf({
  limits = {},
  hours = 6,
  registry = "",
  isBlind = false,
  archives = [],
  gaps = [],
}: LookedAt): WatchReport {
  const nowMs = endMs + hours * 3_600_000;
  const known = parseRegistry(minimalRegistry(registry), "symbols.toml");
  const looks = wishesOf(known, [key], everything, {}, limits.maxStaleHours).wanted.map((wish): SeriesLook => {
    const freshness = freshnessOf(wish, unit, undefined, nowMs);
    return { wish, units: [unit], freshness, gaps, explained: [], breaks: [], isBlind };
  });
  return {
    nowMs,
    series: looks,
    unmaintained: [],
    unmatched: [],
    archives,
    bars: undefined,
    queue: undefined,
    gaps: [],
    findings: [],
  };
}

type Said = Partial<Pick<IncidentBody, "subject" | "place" | "evidence">>;

function incidentOf(kind: FindingKind, { subject = series, place, evidence = {} }: Said): IncidentBody {
  return {
    fingerprint: "",
    kind,
    subject,
    place,
    severity: "warning",
    verdict: "wrong",
    summary: "",
    evidence,
    state: "open",
    firstSeenMs: 0,
    lastSeenMs: 0,
    badLooks: 1,
    goodLooks: 0,
    saidMs: 0,
    timesSaid: 1,
    quietUntilMs: undefined,
    quietForMs: undefined,
    hiddenBy: undefined,
    resolvedMs: undefined,
  };
}

/** Whether such a look would have seen an incident that is still there. */
function sees(kind: FindingKind, said: Said, at: LookedAt = {}): boolean {
  const { selection = everything, limits = {} } = at;
  return isExamined({ examined: examinedBy(reportOf(at), { selection, limits, hosts: [] }) }, incidentOf(kind, said));
}

test("a look with a laxer age ends no incident of a stricter one, unless the series keeps to that one again", () => {
  const strict = { evidence: { max_stale_hours: String(staleHoursDefault) } };
  for (const kind of ["series-not-fresh", "series-dead"] as const) {
    assert.equal(sees(kind, strict, { hours: 800, limits: { maxStaleHours: 5000 } }), false);
    assert.equal(sees(kind, strict, { hours: 800, limits: { maxStaleHours: 72 } }), true);
    assert.equal(sees(kind, strict, { hours: 800, limits: { maxStaleHours: 24 } }), true);
    assert.equal(sees(kind, strict, { hours: 71, limits: { maxStaleHours: 5000 } }), true);
    assert.equal(sees(kind, strict, { hours: 800, registry: "max_stale_hours = 5000" }), true, "the registry decides");
  }
});

test("no look at an archive that is not known ends what is missing at an edge, also where it reads the unit's bars", () => {
  const barsOfUnits = new Set(["BTCUSDT@250:2024"]);
  const evidence = { units: "BTCUSDT@250:2024" };
  for (const kind of ["gap-leading", "gap-trailing"] as const) {
    assert.equal(sees(kind, { evidence }, { limits: { barsOfUnits }, isBlind: true }), false);
    assert.equal(sees(kind, { evidence }, { limits: { barsOfUnits } }), true);
  }
  assert.equal(sees("gap-interior", { evidence }, { limits: { barsOfUnits }, isBlind: true }), true);
});

/** What a symbol's archive came to, asked in a look or remembered from an earlier one. */
function archiveOf(symbol: string, isAsked = true): WatchReport["archives"][number] {
  return {
    market: "spot",
    symbol,
    from: day,
    built: undefined,
    days: [],
    asksAllDigests: false,
    doubtedDays: [],
    isOver: false,
    facts: { ...nothingKnown, lookedMs: isAsked ? endMs + 6 * 3_600_000 : endMs },
    askedDigests: new Set(),
    digests: new Map(),
    unreadable: new Map(),
    failure: undefined,
  };
}

test("an archive that was away for one symbol is back where that one's was asked, or nobody keeps the symbol any more", () => {
  const away = { subject: "archive:spot", evidence: { symbols: "BTCUSDT ETHUSDT" } };
  const [btc, eth] = [archiveOf("BTCUSDT"), archiveOf("ETHUSDT")];
  const selection = { ...everything, symbols: ["BTCUSDT"] };
  assert.equal(sees("archive-unreachable", away, { archives: [btc], selection }), false);
  assert.equal(sees("archive-unreachable", away, { archives: [btc, eth], selection }), true);
  assert.equal(
    sees("archive-unreachable", away, { archives: [btc, archiveOf("ETHUSDT", false)] }),
    false,
    "remembered",
  );
  assert.equal(sees("archive-unreachable", away, { archives: [btc] }), true, "ETHUSDT is not kept any more");
  assert.equal(
    sees("archive-unreachable", { ...away, subject: "archive:futures-um" }, { archives: [btc], selection }),
    false,
  );
});

test("without the archive a hole that stands at other days is not over, and one that is closed is", () => {
  const hole = { place: "2024-03-05..2024-03-07", evidence: { from_day: "2024-03-05", through_day: "2024-03-07" } };
  const [kind, cause, priority, reason] = ["interior", "not-known", "P2", "ids"] as const;
  const gap = { kind, cause, priority, series, unit: "BTCUSDT@250:2024", reason, throughDay: addDays(day, 1) };
  assert.equal(sees("gap-interior", hole, { isBlind: true, gaps: [{ ...gap, fromDay: addDays(day, 1) }] }), false);
  assert.equal(sees("gap-interior", hole, { isBlind: true, gaps: [] }), true);
});

test("a gap whose tries are used up is closed where it could have been found, whatever else of its series is not known", () => {
  const isClosed = (place: string, at: LookedAt): boolean => {
    const said = { subject: "BTCUSDT@250:2024", place, evidence: { days: `${day}..${day}` } };
    return couldFind(reportOf(at))(gapOfExhausted(incidentOf("heal-exhausted", said), series));
  };
  const answered = { ...archiveOf("BTCUSDT"), digests: new Map([[day, "5ad"]]) };
  assert.equal(isClosed(`trailing ${day}`, {}), true);
  assert.equal(isClosed(`trailing ${day}`, { isBlind: true }), false);
  assert.equal(isClosed("interior bars", { isBlind: true }), true);
  assert.equal(isClosed(`revised ${day}`, { archives: [archiveOf("BTCUSDT")] }), false);
  assert.equal(isClosed(`revised ${day}`, { archives: [answered] }), true);
});

import { isDeclaredBetween, isKnownGap, type SymbolEntry } from "../config/index.ts";
import { addDays, dayOfMs, daysBetween, daysInclusive, dayStartMs, type Day } from "../model/day.ts";
import { segmentOf, type Segmentation } from "../model/segments.ts";
import { unitId } from "../model/series.ts";
import { settledAfterDays } from "../sources/archive/index.ts";
import type { IdRange } from "../ledger/index.ts";
import type { OutlineBreak, UnitOutline } from "../store/index.ts";
import { absenceOf, absentSince, type Absence } from "./absence.ts";
import { conditionOf, type ArchiveFacts, type DayCondition } from "./condition.ts";
import type { Gap, GapCause, GapKind, GapPriority } from "./gap.ts";
import type { SeriesWish } from "./wish.ts";

/** What the gaps of one series follow from. */
export interface SeriesEvidence {
  readonly wish: SeriesWish;
  /** The published units of the series, in id order. */
  readonly units: readonly UnitOutline[];
  readonly segmentation: Segmentation;
  readonly archive: ArchiveFacts;
  /** Ids of these units whose coverage the ledger has seen, and the store has not any more. */
  readonly lost: readonly IdRange[];
  readonly nowMs: number;
}

/** A hole that is as it should be, with who says so. */
export interface ExplainedHole {
  readonly series: string;
  readonly fromDay: Day;
  readonly throughDay: Day;
  readonly reason: string;
  /** What shows that accepted days are missing. */
  readonly absence?: Absence | undefined;
}

/** A place where ids of coverage do not follow each other, and who says that this is as it should be. */
export interface AccountedBreak {
  /** Its ids in front are the greatest so far, also behind parts that overlap. */
  readonly at: OutlineBreak;
  /** The last day that it may lie on. */
  readonly throughDay: Day;
  /** Undefined where nobody does: it is a gap. */
  readonly account: { readonly by: "registry" | "acceptance"; readonly reason: string } | undefined;
}

export interface SeriesGaps {
  readonly gaps: readonly Gap[];
  /** Declared in the registry, or accepted. */
  readonly explained: readonly ExplainedHole[];
  readonly breaks: readonly AccountedBreak[];
}

const recentMs = 48 * 3_600_000;

/** By age alone. Of a trailing gap the newest days make it the live edge, unless they are so old that none will follow. */
export function priorityOf(kind: GapKind, throughDay: Day, nowMs: number): GapPriority {
  if (kind === "trailing" && daysBetween(throughDay, dayOfMs(nowMs)) < settledAfterDays) return "P0";
  return nowMs - dayStartMs(addDays(throughDay, 1)) < recentMs ? "P1" : "P2";
}

/** Expected − coverage − declared holes, for one series. Pure. */
export function gapsOf(evidence: SeriesEvidence): SeriesGaps {
  const finder = new GapFinder(evidence);
  finder.find();
  return finder;
}

/** Where a series' parts do not follow each other, inside its units and between them. @param units in id order */
export function breaksOf(units: readonly UnitOutline[]): OutlineBreak[] {
  return units.flatMap((unit, i) => {
    const before = units[i - 1];
    if (before === undefined || unit.fromId === before.throughId + 1n) return unit.breaks;
    const join = {
      dayBefore: before.lastDay,
      doneBefore: before.lastDayDone,
      dayAfter: unit.firstDay,
      beforeThroughId: before.throughId,
      afterFromId: unit.fromId,
      afterThroughId: unit.throughId,
      beforeLastUs: before.lastUs,
      afterFirstUs: unit.firstUs,
    };
    return [join, ...unit.breaks];
  });
}

/**
 * Whether the registry says that the ids between two parts are not to be had. What the store holds of a day that was not read to its end
 * is no word on the days behind it: what is missing of that day itself is declared only where it is.
 */
function isDeclaredBreak(entry: SymbolEntry, { dayBefore, doneBefore, dayAfter }: OutlineBreak): boolean {
  if (!isDeclaredBetween(entry, dayBefore, dayAfter)) return false;
  return doneBefore || dayBefore === dayAfter || isKnownGap(entry, dayBefore);
}

/** Ids that are missing or doubled, where the days alone do not say which. */
type Ids = Pick<Gap, "fromId" | "throughId">;

type Judgement = Pick<AccountedBreak, "throughDay" | "account">;

class GapFinder implements SeriesGaps {
  readonly gaps: Gap[] = [];
  readonly explained: ExplainedHole[] = [];
  readonly breaks: AccountedBreak[] = [];
  readonly #evidence: SeriesEvidence;
  readonly #today: Day;
  /** The greatest id that any part so far holds: behind parts that overlap, the last one's end is not it. */
  #through: bigint | undefined;

  constructor(evidence: SeriesEvidence) {
    this.#evidence = evidence;
    this.#today = dayOfMs(evidence.nowMs);
  }

  find(): void {
    const { units, wish, archive } = this.#evidence;
    const [first] = units;
    const last = units.at(-1);
    const from = later(wish.firstDay, archive.extent?.firstDay);
    const newest = archive.extent?.lastDay ?? addDays(this.#today, -1);
    const to = wish.lastDay !== undefined && wish.lastDay < newest ? wish.lastDay : newest;
    if (first === undefined || last === undefined) {
      this.#days("leading", from, to, "nothing of the series is built");
      return;
    }
    this.#days("leading", from, addDays(first.firstDay, -1), `coverage begins at ${first.firstDay}`);
    for (const one of breaksOf(units)) this.#break(one);
    // Without the archive nobody knows whether there is more to build; how old the newest trade may be is another rule.
    if (archive.extent === undefined) return;
    const next = last.lastDayDone ? addDays(last.lastDay, 1) : last.lastDay;
    const what = last.lastDayDone
      ? `coverage ends with ${last.lastDay}`
      : `coverage ends in the middle of ${last.lastDay}`;
    this.#days("trailing", next, to, what);
  }

  #break(part: OutlineBreak): void {
    const beforeThroughId =
      this.#through !== undefined && this.#through > part.beforeThroughId ? this.#through : part.beforeThroughId;
    this.#through = beforeThroughId;
    if (part.afterFromId === beforeThroughId + 1n) return;
    const at = { ...part, beforeThroughId };
    this.breaks.push({ at, ...this.#judge(at) });
  }

  #judge(at: OutlineBreak): Judgement {
    const { dayBefore, doneBefore, dayAfter, beforeThroughId, afterFromId, afterThroughId } = at;
    const { wish, lost } = this.#evidence;
    if (afterFromId <= beforeThroughId) {
      const [fromDay, throughDay] = dayAfter < dayBefore ? [dayAfter, dayBefore] : [dayBefore, dayAfter];
      const fromId = afterFromId;
      const throughId = afterThroughId < beforeThroughId ? afterThroughId : beforeThroughId;
      const reason = `ids ${fromId} … ${throughId} are covered twice`;
      this.#add("overlap", "doubled", this.#sameUnit(fromDay, throughDay), throughDay, reason, { fromId, throughId });
      return { throughDay, account: undefined };
    }
    const ids = { fromId: beforeThroughId + 1n, throughId: afterFromId - 1n };
    const what = `ids ${ids.fromId} … ${ids.throughId} are missing between ${dayBefore} and ${dayAfter}`;
    if (isDeclaredBreak(wish.entry, at)) {
      this.#explain(dayBefore, dayAfter, `${what}; declared in the registry`);
      return { throughDay: dayAfter, account: { by: "registry", reason: this.#declaration(dayBefore, dayAfter) } };
    }
    const [next, end] = [doneBefore ? addDays(dayBefore, 1) : dayBefore, addDays(dayAfter, -1)];
    if (next <= end) {
      this.#days("interior", next, end, what, ids);
      return { throughDay: end, account: this.#acceptanceOf(daysInclusive(next, end)) };
    }
    const fromDay = this.#sameUnit(dayBefore, dayAfter);
    if (lost.some((range) => range.fromId <= ids.throughId && range.throughId >= ids.fromId)) {
      this.#add("interior", "not-built", fromDay, dayAfter, `${what}; coverage of them was there and is gone`, ids);
      return { throughDay: dayAfter, account: undefined };
    }
    // Both days were read to their ends, or what was read of one does not follow what was read before: what lies between is in no archive.
    this.#add("interior", "missing-upstream", fromDay, dayAfter, `${what}; the archives of these days lack them`, ids);
    return { throughDay: dayAfter, account: undefined };
  }

  /** What accounts for a hole of whole days: each of them is accepted, or declared beside one that is. */
  #acceptanceOf(days: readonly Day[]): AccountedBreak["account"] {
    const runs = this.#runsOf(days);
    const accepted = runs.find(({ condition }) => condition === "accepted");
    const isWhole = runs.every(({ condition }) => condition === "accepted" || condition === "declared");
    if (accepted === undefined || !isWhole) return undefined;
    return { by: "acceptance", reason: this.#acceptance(accepted.fromDay) };
  }

  /** The days from … to that are expected and not covered: a gap for each unit and each cause. */
  #days(kind: GapKind, from: Day, to: Day, what: string, ids: Ids = {}): void {
    const runs = this.#runsOf(daysInclusive(from, to));
    // Which of the ids belong to which of several runs cannot be told.
    const own = runs.length === 1 ? ids : {};
    for (const { condition, fromDay, throughDay } of runs) {
      switch (condition) {
        case "available":
          this.#add(kind, "not-built", fromDay, throughDay, what, own);
          break;
        case "missing-upstream":
          this.#missing(kind, fromDay, throughDay, what, own);
          break;
        case "unknown":
          // A hole of ids is one, whether the archive can be looked at or not; an edge is not.
          if (kind === "interior") this.#add(kind, "not-known", fromDay, throughDay, what, own);
          else this.#add("unknown", "not-known", fromDay, throughDay, `${what}; what is published is not known`, own);
          break;
        case "accepted":
        case "declared":
          this.#explainDays(fromDay, throughDay, condition);
          break;
        case "not-yet":
          // What comes behind a day that may still be published waits for it.
          return;
        default:
          condition satisfies never;
      }
    }
  }

  /** Days that are not published and should be, with what shows it. */
  #missing(kind: GapKind, fromDay: Day, throughDay: Day, what: string, ids: Ids): void {
    const absence = this.#absence(fromDay, throughDay);
    const reason = `${what}; these days are not published`;
    if (absence === undefined) this.#add(kind, "missing-upstream", fromDay, throughDay, reason, ids);
    else {
      const proven = `${reason}: ${absentSince(absence)}`;
      this.#add(kind, "missing-upstream", fromDay, throughDay, proven, { ...ids, absence });
    }
  }

  #absence(fromDay: Day, throughDay: Day): Absence | undefined {
    return absenceOf(this.#evidence.archive, daysInclusive(fromDay, throughDay));
  }

  /** Days without an archive that are as they should be, with who says so. */
  #explainDays(fromDay: Day, throughDay: Day, condition: "accepted" | "declared"): void {
    if (condition === "declared") {
      this.#explain(fromDay, throughDay, `declared in the registry: ${this.#declaration(fromDay, fromDay)}`);
      return;
    }
    const absence = this.#absence(fromDay, throughDay);
    const since = absence === undefined ? "" : `, ${absentSince(absence)}`;
    this.#explain(fromDay, throughDay, `not published${since}; ${this.#acceptance(fromDay)}`, absence);
  }

  /** The registry's words on the first declared hole that touches some days. */
  #declaration(fromDay: Day, throughDay: Day): string {
    const { knownGaps } = this.#evidence.wish.entry;
    return knownGaps.find(({ startDate, endDate }) => startDate <= throughDay && fromDay <= endDate)?.reason ?? "";
  }

  /** Who has accepted that a day is missing, until when and why. */
  #acceptance(day: Day): string {
    const { accepted } = this.#evidence.archive;
    const last = accepted.findLast(({ fromDay, throughDay }) => fromDay <= day && day <= throughDay);
    if (last === undefined) return "accepted";
    const { by, reason, expiresMs } = last;
    const until = expiresMs === undefined ? "" : ` until ${new Date(expiresMs).toISOString().slice(0, 10)}`;
    return `accepted by ${by}${until}: ${reason}`;
  }

  /** Stretches of days of one unit that have one condition. */
  #runsOf(days: readonly Day[]): Run[] {
    const { wish, archive, nowMs, segmentation } = this.#evidence;
    const runs: Run[] = [];
    for (const day of days) {
      const condition = isKnownGap(wish.entry, day) ? "declared" : conditionOf(archive, day, nowMs, this.#today);
      const segment = segmentOf(day, segmentation).id;
      const last = runs.at(-1);
      if (last?.condition === condition && last.segment === segment) last.throughDay = day;
      else runs.push({ condition, segment, fromDay: day, throughDay: day });
    }
    return runs;
  }

  /** A gap lies in one unit: that of its last day. */
  #sameUnit(fromDay: Day, throughDay: Day): Day {
    return later(segmentOf(throughDay, this.#evidence.segmentation).firstDay, fromDay);
  }

  #explain(fromDay: Day, throughDay: Day, reason: string, absence?: Absence): void {
    this.explained.push({ series: this.#evidence.wish.series, fromDay, throughDay, reason, absence });
  }

  #add(
    kind: GapKind,
    cause: GapCause,
    fromDay: Day,
    throughDay: Day,
    reason: string,
    more: Ids & Pick<Gap, "absence">,
  ): void {
    const { wish, segmentation, nowMs } = this.#evidence;
    const { series } = wish;
    const unit = unitId(series, segmentOf(throughDay, segmentation).id);
    const priority = priorityOf(kind, throughDay, nowMs);
    this.gaps.push({ kind, cause, priority, series, unit, fromDay, throughDay, reason, ...more });
  }
}

interface Run {
  readonly condition: DayCondition | "declared";
  readonly segment: string;
  readonly fromDay: Day;
  throughDay: Day;
}

function later(day: Day, other: Day | undefined): Day {
  return other !== undefined && other > day ? other : day;
}

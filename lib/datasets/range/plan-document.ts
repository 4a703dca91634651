import { z } from "zod";
import type { Settings } from "../../config/index.ts";
import type { JsonValue } from "../../model/canonical-json.ts";
import { parseDay } from "../../model/day.ts";
import { ConfigurationError, RefusedError } from "../../model/errors.ts";
import { markets } from "../../model/markets.ts";
import { isSegmentId, segmentations, type SegmentId } from "../../model/segments.ts";
import { parseThreshold } from "../../model/series.ts";
import { openArchive } from "../../sources/archive/index.ts";
import { currentFingerprint } from "./fingerprint.ts";
import type { PlannedSymbol } from "./plan.ts";
import type { SymbolWork } from "./populate.ts";

const day = z.string().transform(parseDay);
const unit = z.object({ unit: z.string(), from: day, to: day });

const documentSchema = z.object({
  version: z.literal(1),
  kind: z.literal("populate"),
  archive: z.string(),
  bar_version: z.int(),
  feature_profile: z.string(),
  gate_unit_us: z.int(),
  segmentation: z.enum(segmentations),
  symbols: z.array(
    z.object({
      symbol: z.string(),
      venue: z.string(),
      market: z.enum(markets),
      thresholds: z.array(z.int().transform(parseThreshold)),
      from: day,
      to: day,
      /** The one segment to build of these days. */
      only: z.custom<SegmentId>((value) => typeof value === "string" && isSegmentId(value)).optional(),
      known_gaps: z.array(z.object({ start_date: day, end_date: day, reason: z.string() })),
      units: z.array(unit),
    }),
  ),
});

/** What a populate does, to the day: nothing in it is looked up again when it is carried out. */
export type PlanDocument = Readonly<z.output<typeof documentSchema>>;

/** The days that a plan gives a unit. */
export type PlannedUnit = Readonly<z.output<typeof unit>>;

/** Puts down what was resolved from a request, the registry and the calendar. Symbols that lack nothing are left out. */
export function planDocumentOf(
  plan: { readonly symbols: readonly Pick<PlannedSymbol, "work" | "units">[] },
  settings: Pick<Settings, "archive" | "segmentation">,
): JsonValue {
  const fingerprint = currentFingerprint(settings.segmentation);
  return {
    version: 1,
    kind: "populate",
    archive: settings.archive ?? "",
    bar_version: fingerprint.barVersion,
    feature_profile: fingerprint.featureProfile,
    gate_unit_us: fingerprint.gateUnitUs,
    segmentation: settings.segmentation,
    symbols: plan.symbols.flatMap(({ work, units }) => {
      const [first] = work.series;
      if (first === undefined || units.length === 0) return [];
      return [
        {
          symbol: first.symbol,
          venue: first.venue,
          market: first.market,
          thresholds: work.series.map(({ threshold }) => threshold),
          from: work.range.from,
          to: work.range.to,
          ...(work.only === undefined ? {} : { only: work.only }),
          known_gaps: (work.entry?.knownGaps ?? []).map((gap) => ({
            start_date: gap.startDate,
            end_date: gap.endDate,
            reason: gap.reason,
          })),
          units: units.map(({ unit, from, to }) => ({ unit, from, to })),
        },
      ];
    }),
  };
}

/**
 * Reads a stored plan's text.
 * @throws ConfigurationError PLAN_UNREADABLE; RefusedError PLAN_OTHER_BARS where this release makes other bars than were planned
 */
export function readPlanDocument(text: string, id: string): PlanDocument {
  const read = documentSchema.safeParse(JSON.parse(text));
  if (!read.success) {
    throw new ConfigurationError("this release cannot read the plan", {
      code: "PLAN_UNREADABLE",
      subject: id,
      hint: "plan again with populate --plan",
      cause: read.error,
    });
  }
  const plan = read.data;
  const now = currentFingerprint(plan.segmentation);
  if (
    plan.bar_version === now.barVersion &&
    plan.feature_profile === now.featureProfile &&
    plan.gate_unit_us === now.gateUnitUs
  ) {
    return plan;
  }
  throw new RefusedError("the plan was made by a release that makes other bars", {
    code: "PLAN_OTHER_BARS",
    subject: id,
    hint: "use that release, or plan again with populate --plan",
  });
}

/** The work that a plan puts down. @param stateDirectory where fetched archives are kept */
export async function workOfPlan(plan: PlanDocument, stateDirectory: string): Promise<SymbolWork[]> {
  return Promise.all(
    plan.symbols.map(async ({ symbol, venue, market, thresholds, from, to, only, known_gaps: gaps }) => ({
      series: thresholds.map((threshold) => ({ venue, market, symbol, threshold })),
      entry: {
        knownGaps: gaps.map((gap) => ({
          startDate: gap.start_date,
          endDate: gap.end_date,
          reason: gap.reason,
          source: undefined,
        })),
      },
      range: { from, to, notes: [] },
      segmentation: plan.segmentation,
      only,
      source: await openArchive(plan.archive, market, symbol, stateDirectory),
    })),
  );
}

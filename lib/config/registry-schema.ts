import { TomlDate } from "smol-toml";
import { z } from "zod";
import { parseDay } from "../model/day.ts";
import { markets } from "../model/markets.ts";
import { thresholdDbpsMax, thresholdDbpsMin } from "../model/series.ts";

export const assetClasses = ["crypto", "forex", "equities"] as const;
export type AssetClass = (typeof assetClasses)[number];

/** A TOML date (`2017-08-17`, no quotes) as a day. */
const day = z
  .instanceof(TomlDate, { error: "must be a TOML date without quotes, such as 2017-08-17" })
  .refine((date) => date.isDate(), { error: "must be a date without a time, such as 2017-08-17" })
  .transform((date) => parseDay(date.toISOString().slice(0, 10)));

const threshold = z
  .int({ error: "must be a whole number of dbps" })
  .min(thresholdDbpsMin, { error: `must be ${thresholdDbpsMin} … ${thresholdDbpsMax} dbps` })
  .max(thresholdDbpsMax, { error: `must be ${thresholdDbpsMin} … ${thresholdDbpsMax} dbps` });

function oneOf<const T extends readonly [string, ...string[]]>(allowed: T): z.ZodEnum<{ [K in T[number]]: K }> {
  return z.enum(allowed, { error: `must be one of ${allowed.join(", ")}` });
}

const knownGap = z
  .strictObject({ start_date: day, end_date: day, reason: z.string(), source: z.string().optional() })
  .refine((gap) => gap.start_date <= gap.end_date, { error: "ends before it starts", path: ["end_date"] })
  .transform((gap) => ({ startDate: gap.start_date, endDate: gap.end_date, reason: gap.reason, source: gap.source }));

/** A hole in the upstream's trade ids that is known and expected. Days inclusive. */
export type KnownGap = z.infer<typeof knownGap>;

const symbolEntry = z
  .strictObject({
    enabled: z.boolean({ error: "must be true or false" }),
    asset_class: oneOf(assetClasses),
    exchange: oneOf(["binance", "exness"]),
    market: oneOf(markets),
    listing_date: day,
    tier: z.int().positive().optional(),
    max_stale_hours: z.number({ error: "must be a number of hours" }).positive({ error: "must be above 0" }).optional(),
    effective_start: day.optional(),
    reason: z.string().optional(),
    first_clean_date: day.optional(),
    delisting_date: day.optional(),
    min_threshold: threshold.optional(),
    known_gaps: z.array(knownGap).default([]),
    data_anomalies: z.array(z.string()).default([]),
    processing_notes: z.string().optional(),
    keywords: z.array(z.string()).default([]),
    reference: z.string().optional(),
  })
  .refine((entry) => entry.effective_start === undefined || entry.effective_start >= entry.listing_date, {
    error: "is before listing_date",
    path: ["effective_start"],
  })
  .refine((entry) => entry.delisting_date === undefined || entry.delisting_date >= entry.listing_date, {
    error: "is before listing_date",
    path: ["delisting_date"],
  })
  .transform((entry) => ({
    enabled: entry.enabled,
    assetClass: entry.asset_class,
    exchange: entry.exchange,
    market: entry.market,
    listingDate: entry.listing_date,
    tier: entry.tier,
    maxStaleHours: entry.max_stale_hours,
    effectiveStart: entry.effective_start,
    reason: entry.reason,
    firstCleanDate: entry.first_clean_date,
    delistingDate: entry.delisting_date,
    minThreshold: entry.min_threshold,
    knownGaps: entry.known_gaps,
    dataAnomalies: entry.data_anomalies,
    processingNotes: entry.processing_notes,
    keywords: entry.keywords,
    reference: entry.reference,
  }));

/** What the registry says of one symbol. */
export type SymbolEntry = z.infer<typeof symbolEntry>;

const transition = z
  .strictObject({
    old_symbol: z.string(),
    new_symbol: z.string(),
    last_date: day,
    first_date: day,
    gap_days: z.int().nonnegative(),
    reason: z.string(),
    status: oneOf(["active", "archived"]),
  })
  .transform((entry) => ({
    oldSymbol: entry.old_symbol,
    newSymbol: entry.new_symbol,
    lastDate: entry.last_date,
    firstDate: entry.first_date,
    gapDays: entry.gap_days,
    reason: entry.reason,
    status: entry.status,
  }));

/** A symbol that went on under another name. */
export type Transition = z.infer<typeof transition>;

export const registrySchema = z.strictObject({
  schema_version: z.literal(2, { error: "must be 2, the version that this release reads" }),
  symbols: z.record(z.string().regex(/^[A-Z0-9_]+$/, "is not a symbol's name: capitals, digits and _"), symbolEntry),
  transitions: z.record(z.string(), transition).default({}),
});

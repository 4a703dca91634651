import { z } from "zod";
import { parseSeriesId, seriesId, type SeriesId } from "../model/series.ts";
import { sqlString } from "./sql/literal.ts";
import type { Store } from "./store.ts";

const rangeRow = z
  .object({
    series: z.string().transform((text) => seriesId(parseSeriesId(text))),
    bars: z.coerce.number(),
    impossible: z.record(z.string(), z.coerce.number()),
    constant: z.array(z.string()),
    fill_counts: z.nullable(z.coerce.number()),
  })
  .transform(({ fill_counts: fillCounts, ...row }) => ({ ...row, fillCounts: fillCounts ?? undefined }));

/**
 * What is wrong with a series' features: by feature, in how many bars its value cannot be; the features that never change; and
 * where the bars' numbers of fills are too much alike, how many different ones there are.
 */
export type FeatureFaults = Readonly<z.output<typeof rangeRow>>;

/** Fills per second, as the formula has it. */
const intensity = "individual_trade_count / if(duration_us = 0, 1, duration_us / 1e6)";

/**
 * What a feature's formula cannot give. Sides are rounded: a share may pass its bound by as little. Fills per second are held
 * against the two columns that they are made of, because by nature they go along with neither: in a fast market a bar's fills are few.
 */
const impossible: Readonly<Record<string, string>> = {
  duration_us: "duration_us < 0",
  ofi: notWithin("ofi", "abs(ofi) <= 1.001"),
  turnover_imbalance: notWithin("turnover_imbalance", "abs(turnover_imbalance) <= 1.001"),
  vwap_close_deviation: notWithin("vwap_close_deviation", "abs(vwap_close_deviation) <= 1.001"),
  aggression_ratio: notWithin("aggression_ratio", "aggression_ratio BETWEEN 0 AND 100"),
  aggregation_density: notWithin("aggregation_density", "aggregation_density >= 1"),
  price_impact: notWithin("price_impact", "price_impact >= 0"),
  trade_intensity: notWithin("trade_intensity", `abs(trade_intensity / (${intensity}) - 1) <= 1e-9`),
  volume_per_trade: notWithin("volume_per_trade", "volume_per_trade >= 0"),
  kyle_lambda_proxy: notWithin("kyle_lambda_proxy", "true"),
};

/** A value that is no number never can be. */
function notWithin(name: string, bounds: string): string {
  return `NOT (isFinite(${name}) AND ${bounds})`;
}

/** What a feature may well be all the time: where no order meets more than one other, each aggregate trade is one fill. */
const mayStay: Readonly<Record<string, string>> = { aggregation_density: "1" };

/**
 * From so many bars on it says something that a value never changes. A handful of bars may be alike by chance, as those of a
 * series that has just begun; a hundred that traded alike to the last digit were not computed from trades.
 */
const barsEnough = 100;

/** So few different numbers of fills are as good as one. */
const fewCounts = 5;

/**
 * Bars hold as many fills on average where few different numbers of them are not the market's doing. Of a thin one, where a few
 * trades pass the threshold, most bars hold two, three or four.
 */
const fillsEnough = 8;

/** Holds every published bar's features of some series against what their formulas can give, in one pass; sound series are absent. */
export async function featureFaults(store: Store, series: readonly SeriesId[]): Promise<FeatureFaults[]> {
  if (series.length === 0) return [];
  const faults = Object.entries(impossible).map(([name, fault]) => `'${name}', countIf(${fault})`);
  const constant = Object.keys(impossible).map((name) => {
    const isAllowed = name in mayStay ? ` AND min(${name}) != ${mayStay[name]}` : "";
    return `'${name}', min(${name}) = max(${name})${isAllowed}`;
  });
  return store.rows(
    `SELECT CAST(series, 'String') AS series, count() AS bars, bars >= ${barsEnough} AS is_enough,
  mapFilter((name, count) -> count > 0, map(${faults.join(", ")})) AS impossible,
  mapKeys(mapFilter((name, is_constant) -> is_constant AND is_enough, map(${constant.join(", ")}))) AS constant,
  uniqUpTo(${fewCounts})(individual_trade_count) AS counts,
  if(is_enough AND counts <= ${fewCounts} AND avg(individual_trade_count) >= ${fillsEnough}, counts, NULL) AS fill_counts
FROM barkeep.bars_published WHERE series IN (${series.map(sqlString).join(", ")})
GROUP BY series HAVING notEmpty(impossible) OR notEmpty(constant) OR fill_counts IS NOT NULL ORDER BY series`,
    rangeRow,
  );
}

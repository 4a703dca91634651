import { z } from "zod";
import { parseSeriesId, seriesId } from "../model/series.ts";
import type { Store } from "./store.ts";

const rangeRow = z.object({
  series: z.string().transform((text) => seriesId(parseSeriesId(text))),
  faults: z.record(z.string(), z.coerce.number()),
});

/** Bars of a series by feature whose value cannot be; features without any are absent. */
export type FeatureFaults = Readonly<z.output<typeof rangeRow>>;

/** What a feature's formula cannot give. Sides are rounded: a share may pass its bound by as little. */
const impossible: Readonly<Record<string, string>> = {
  ofi: "abs(ofi) > 1.001",
  turnover_imbalance: "abs(turnover_imbalance) > 1.001",
  vwap_close_deviation: "abs(vwap_close_deviation) > 1.001",
  aggression_ratio: "aggression_ratio < 0 OR aggression_ratio > 100",
  aggregation_density: "aggregation_density < 1",
  price_impact: "price_impact < 0",
  trade_intensity: "trade_intensity < 0",
  volume_per_trade: "volume_per_trade < 0",
  kyle_lambda_proxy: "false",
};

/** Holds every published bar's features against what their formulas can give; a value that is no number never can be. */
export async function featureFaults(store: Store): Promise<FeatureFaults[]> {
  const counts = Object.entries(impossible).map(
    ([name, fault]) => `'${name}', countIf(NOT isFinite(${name}) OR ${fault})`,
  );
  return store.rows(
    `SELECT CAST(series, 'String') AS series, mapFilter((name, count) -> count > 0, map(${counts.join(", ")})) AS faults
FROM barkeep.bars_published GROUP BY series HAVING notEmpty(faults) ORDER BY series`,
    rangeRow,
  );
}

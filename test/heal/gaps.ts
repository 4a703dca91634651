import { parseDay } from "../../lib/model/day.ts";
import { parseThreshold, seriesId, unitId } from "../../lib/model/series.ts";
import type { Gap } from "../../lib/watch/gap.ts";

/** A gap of BTCUSDT with what a test cares about. */
export function gapOf(
  given: Partial<Omit<Gap, "fromDay" | "throughDay">> & { days?: string; threshold?: number },
): Gap {
  const { days = "2024-03-05", threshold = 250, ...rest } = given;
  const [from = "", through = from] = days.split("..");
  const series = seriesId({
    venue: "binance",
    market: "spot",
    symbol: "BTCUSDT",
    threshold: parseThreshold(threshold),
  });
  return {
    kind: "trailing",
    cause: "not-built",
    priority: "P0",
    series,
    unit: unitId(series, from.slice(0, 4)),
    fromDay: parseDay(from),
    throughDay: parseDay(through),
    reason: "a test says so",
    ...rest,
  };
}

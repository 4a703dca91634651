import { ConfigurationError } from "../../model/errors.ts";
import type { SeriesId } from "../../model/series.ts";

/**
 * Finds the series a person named: in full, or as `BTCUSDT@25` when that is unique.
 * @throws ConfigurationError UNKNOWN_SERIES listing what exists, AMBIGUOUS_SERIES
 */
export function resolveSeries(named: string, existing: readonly SeriesId[]): SeriesId {
  const matches = existing.filter((series) => series === named || series.endsWith(`/${named}`));
  const [only, another] = matches;
  if (only !== undefined && another === undefined) return only;
  if (only === undefined) {
    const shown = existing.length === 0 ? "it is empty: run populate first" : `it holds ${existing.join(", ")}`;
    throw new ConfigurationError(`the store has no series ${named}`, {
      code: "UNKNOWN_SERIES",
      subject: named,
      hint: shown,
    });
  }
  throw new ConfigurationError(`${named} may be ${matches.join(" or ")}`, {
    code: "AMBIGUOUS_SERIES",
    subject: named,
    hint: "write the series in full",
  });
}

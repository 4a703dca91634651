import { resolveSeries } from "../datasets/range/resolve-series.ts";
import { parseUnit } from "../fleet/explain-unit.ts";
import { unitsOf } from "../fleet/jobs.ts";
import type { HealTry } from "../ledger/index.ts";
import { ConfigurationError } from "../model/errors.ts";
import { isSeriesName } from "./explain.ts";
import { seriesOf } from "./queued-tries.ts";

/**
 * The gaps that may be tried as if for the first time: those that were tried, are not being tried now, and were not healed.
 * @param names units, jobs or series, as `explain` takes them; all gaps where there are none
 * @param tries by gap, as the ledger has them
 * @throws ConfigurationError BAD_UNIT, AMBIGUOUS_SERIES; UNKNOWN_UNIT for a name of which nothing was tried
 */
export function gapsToReplay(names: readonly string[], tries: ReadonlyMap<string, readonly HealTry[]>): string[] {
  const last = [...tries].flatMap(([gap, ofGap]) => ofGap.slice(-1).map(({ unit, result }) => ({ gap, unit, result })));
  const tried = new Set(last.map(({ unit }) => unit));
  const named = new Set(names.flatMap((name) => namedUnits(name, tried)));
  return last
    .filter(({ unit, result }) => isOver(result) && (names.length === 0 || named.has(unit)))
    .map(({ gap }) => gap);
}

function isOver(result: HealTry["result"]): boolean {
  return result !== undefined && result !== "healed";
}

function namedUnits(name: string, tried: ReadonlySet<string>): string[] {
  const named = isSeriesName(name) ? unitsOfSeries(name, tried) : unitsOf(parseUnit(name));
  const found = named.filter((unit) => tried.has(unit));
  if (found.length > 0) return found;
  throw new ConfigurationError(`nothing was tried of ${name}`, {
    code: "UNKNOWN_UNIT",
    subject: name,
    hint: tried.size === 0 ? "nothing was tried at all" : `tried were ${[...tried].join(", ")}`,
  });
}

function unitsOfSeries(name: string, tried: ReadonlySet<string>): string[] {
  const unitsBy = Map.groupBy(tried, seriesOf);
  const known = [...unitsBy.keys()];
  const isKnown = known.some((series) => series === name || series.endsWith(`/${name}`));
  return isKnown ? (unitsBy.get(resolveSeries(name, known)) ?? []) : [];
}

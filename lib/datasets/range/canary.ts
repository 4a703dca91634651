import { join } from "node:path";
import { loadRegistry, projectRoot, type Settings } from "../../config/index.ts";
import { dayOfMs, parseDay } from "../../model/day.ts";
import { exitCodes, type ExitCode } from "../../model/exit-codes.ts";
import { parseThreshold, seriesId, type RangeSeries, type SeriesId } from "../../model/series.ts";
import { formatDigest } from "../../native/index.ts";
import type { PopulateListener } from "./listener.ts";
import type { PopulateTarget } from "./populate-target.ts";
import { planRebuilds } from "./rebuild-plan.ts";
import { rebuildPlanned } from "./rebuild-run.ts";
import { resolveWork } from "./request.ts";
import { populateWork } from "./run.ts";
import { readStatus } from "./status.ts";

/** No registry can name this venue: nothing else ever reads or fills the series. */
const venue = "canary";
const symbol = "BTCUSDT";
const [firstDay, lastDay] = [parseDay("2024-08-08"), parseDay("2024-08-09")];

/** What the sample's bars at a quarter of a tenth of a percent come to, wherever they are built and whatever keeps them. */
const threshold = parseThreshold(25);
const expectedDigest = "7b0110f486f18243";

const canary: RangeSeries = { venue, market: "spot", symbol, threshold };
export const canarySeries: SeriesId = seriesId(canary);

export interface CanaryOutcome {
  readonly series: SeriesId;
  readonly bars: bigint;
  readonly digest: string | undefined;
  readonly expectedDigest: string;
  /** Its bars were built in this run, proven complete, and are what they should be. */
  readonly isWell: boolean;
  /** Of what built it. */
  readonly exitCode: ExitCode;
}

/**
 * Builds ten minutes of real trades, which come with every release, into a series of their own, and compares the bars' digest. Where
 * the store has the series already it is made anew beside what is there.
 */
export async function runCanary(
  target: PopulateTarget,
  given: Settings,
  signal: AbortSignal,
  listener: PopulateListener,
): Promise<CanaryOutcome> {
  const settings: Settings = {
    ...given,
    archive: join(projectRoot, "examples", "archive"),
    symbolsFile: join(projectRoot, "examples", "symbols.toml"),
    market: "spot",
    segmentation: "year",
  };
  const registry = loadRegistry(settings.symbolsFile);
  const request = { symbols: [symbol], thresholds: [threshold], startAsked: firstDay, endAsked: lastDay };
  const now = new Date();
  const today = dayOfMs(now.getTime());
  // The sample's registry has floors of its own: this machine's are for real series.
  const resolved = await resolveWork(request, settings, registry, {}, today, (line) => listener.line(line));
  const work = resolved.map(({ entry, range, segmentation, source }) => {
    return { series: [canary], entry, range, segmentation, source };
  });

  const built = await populateWork(target, work, settings, today, signal, listener);
  let { exitCode } = built;
  if (exitCode === exitCodes.ok && built.results.every(({ days }) => days === 0)) {
    const rebuildRequest = { targets: [canarySeries], reason: "canary", startAsked: undefined };
    const plan = await planRebuilds(target.store, rebuildRequest, settings, registry, signal);
    const note = (line: string): void => listener.line(line);
    exitCode = (await rebuildPlanned(target, plan, registry, now, signal, note)).exitCode;
  }
  const status = (await readStatus(target.store, registry, signal)).find((one) => one.series === canarySeries);
  const digest = status === undefined ? undefined : formatDigest(status.digest);
  const isWell = exitCode === exitCodes.ok && status?.complete === true && digest === expectedDigest;
  return { series: canarySeries, bars: status?.bars ?? 0n, digest, expectedDigest, isWell, exitCode };
}

import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { SegmentJob } from "../../../lib/datasets/range/segment-job.ts";
import { parseDay, type Day } from "../../../lib/model/day.ts";
import { segmentOf, type Segmentation } from "../../../lib/model/segments.ts";
import { seriesId, type RangeSeries, type SeriesId } from "../../../lib/model/series.ts";
import type { DayFile } from "../../../lib/sources/archive/types.ts";
import type { Store } from "../../../lib/store/store.ts";
import { projectRoot, temporaryFolder } from "../../ops/run.ts";
import { ArchiveFolder, linesOf, type TradeFields } from "../../rig/make-archive.ts";

/** An archive's day as a source would bring it. */
export function dayFileAt(path: string): DayFile {
  const content = readFileSync(path);
  const [text = ""] = /\d{4}-\d{2}-\d{2}/.exec(basename(path)) ?? [];
  const sha256 = createHash("sha256").update(content).digest("hex");
  return { kind: "file", day: parseDay(text), path, name: basename(path), sha256, bytes: content.length };
}

/** Two days of real trades. */
export function sampleDays(): DayFile[] {
  const folder = join(projectRoot, "examples/archive/data/spot/daily/aggTrades/BTCUSDT");
  const zips = readdirSync(folder).filter((name) => name.endsWith(".zip"));
  return zips.toSorted().map((name) => dayFileAt(join(folder, name)));
}

/** Days of made-up trades. */
export function madeDays(days: ReadonlyMap<Day, readonly TradeFields[]>): DayFile[] {
  const archive = new ArchiveFolder(temporaryFolder("days"));
  return Array.from(days, ([day, trades]) => {
    archive.putLines(day, linesOf(trades));
    return dayFileAt(archive.pathOf(day));
  });
}

/** Builds days as `populate` does: a job per segment, one commit per day. */
export async function buildDays(
  store: Store,
  series: RangeSeries,
  segmentation: Segmentation,
  files: readonly DayFile[],
): Promise<SeriesId> {
  for (const [, ofSegment] of Map.groupBy(files, ({ day }) => segmentOf(day, segmentation).id)) {
    const [first] = ofSegment;
    if (first === undefined) continue;
    const job = await SegmentJob.open({
      store,
      series: [series],
      segment: segmentOf(first.day, segmentation),
      segmentation,
      firstDay: first.day,
      earlier: undefined,
      committed: () => undefined,
    });
    for (const file of ofSegment) {
      await job.addDay(file);
      await job.finish(false);
    }
  }
  return seriesId(series);
}

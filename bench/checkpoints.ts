import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { addDays, parseDay } from "../lib/model/day.ts";
import { parseThreshold } from "../lib/model/series.ts";
import { decodeCheckpoint, Job } from "../lib/native/index.ts";
import type { Store } from "../lib/store/store.ts";
import { ArchiveFolder, linesOf, walkOf } from "../test/rig/make-archive.ts";
import { withScratchFolder } from "./folders.ts";
import type { GapStore } from "./gap-store.ts";

const tradesRead = 50;
const idsPerBar = 10;

/**
 * Gives each unit's last coverage row of a made-up store the checkpoint that belongs to it: the core's own, behind trades that end
 * with the row's last id, and the row its time and digest.
 */
export async function giveCheckpoints(
  store: Store,
  { thresholds, firstYear, lastYear, barsPerDay }: GapStore,
): Promise<void> {
  for (let year = firstYear; year <= lastYear; year += 1) {
    const day = addDays(parseDay(`${year + 1}-01-01`), -1);
    const days = (Date.parse(`${year + 1}-01-01`) - Date.parse(`${firstYear}-01-01`)) / 86_400_000;
    const throughId = days * barsPerDay * idsPerBar - 1;
    const trades = walkOf(day, throughId - tradesRead + 1, tradesRead);
    await withScratchFolder(async (scratch) => {
      const archive = new ArchiveFolder(scratch);
      archive.putLines(day, linesOf(trades));
      const path = archive.pathOf(day);
      const sha256 = createHash("sha256").update(readFileSync(path)).digest("hex");
      const job = new Job({ thresholds: thresholds.map(parseThreshold), gateUnitUs: 1000, segmentation: "year" });
      await job.ingestDay({ path, sha256, symbol: "BTCUSDT", day, barsMax: 1_000_000 });
      for (const [i, threshold] of thresholds.entries()) {
        const { checkpoint } = job.take(i, { series: "s", segment: String(year), build: 1, attempt: 1n });
        const { digest, lastTimeUs = 0n } = decodeCheckpoint(checkpoint);
        await store.command(`ALTER TABLE barkeep.coverage UPDATE checkpoint = '${Buffer.from(checkpoint).toString("base64")}',
  bars_digest = ${digest}, last_us = ${lastTimeUs}
WHERE segment = '${year}' AND through_id = ${throughId} AND endsWith(CAST(series, 'String'), '@${threshold}') SETTINGS mutations_sync = 1`);
      }
    });
  }
}

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { parseDay, type Day } from "../../lib/model/day.ts";
import { parseThreshold } from "../../lib/model/series.ts";
import { Job, type IngestRequest, type UnitOutput } from "../../lib/native/index.ts";
import { decodeNative, type NativeBlock } from "../../lib/store/index.ts";
import { temporaryFolder } from "../ops/run.ts";
import { ArchiveFolder } from "../rig/make-archive.ts";

export const day = parseDay("2024-03-05");
export const constants = { series: "s", segment: "2024", build: 1, attempt: 1n };

export function jobOf(...thresholds: readonly number[]): Job {
  return new Job({ thresholds: thresholds.map(parseThreshold), gateUnitUs: 1000, segmentation: "year" });
}

/** Puts a day's text into an archive of its own and says how to read it. */
export function dayOf(lines: readonly string[], of: Day = day): IngestRequest {
  const archive = new ArchiveFolder(temporaryFolder("native"));
  archive.putLines(of, lines);
  const path = archive.pathOf(of);
  const sha256 = createHash("sha256").update(readFileSync(path)).digest("hex");
  return { path, sha256, symbol: "BTCUSDT", day: of, barsMax: 1_000_000 };
}

/** Reads days one after the other and drains a job of one unit. */
export async function outputOf(job: Job, ...requests: readonly IngestRequest[]): Promise<UnitOutput> {
  for (const request of requests) await job.ingestDay(request);
  return job.take(0, constants);
}

/** A block's columns; undefined where it holds no rows. */
export async function decoded(bytes: Uint8Array): Promise<NativeBlock | undefined> {
  for await (const block of decodeNative(once(bytes))) return block;
  return undefined;
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

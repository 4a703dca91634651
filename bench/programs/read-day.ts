/**
 * Reads one day's archive through the addon and says how much memory that took.
 * `node read-day.ts FILE SYMBOL DAY`; run by ../memory.ts in a process of its own.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { parseDay } from "../../lib/model/day.ts";
import { parseThreshold } from "../../lib/model/series.ts";
import { Job } from "../../lib/native/index.ts";

const [path = "", symbol = "", day = ""] = process.argv.slice(2);
const sha256 = readFileSync(`${path}.CHECKSUM`, "utf8").slice(0, 64);
const job = new Job({ thresholds: [parseThreshold("250")], gateUnitUs: 1, segmentation: "year" });

// Sets the high-water mark to what is resident now.
writeFileSync("/proc/self/clear_refs", "5");
const before = memory("VmRSS");
const { done } = await job.ingestDay({ path, sha256, symbol, day: parseDay(day), barsMax: 100_000 });
if (!done) throw new Error("the day made more bars than were to wait");
const output = { before_bytes: before, peak_bytes: memory("VmHWM"), bars: job.waiting()[0] };
process.stdout.write(`${JSON.stringify(output)}\n`);

function memory(name: "VmRSS" | "VmHWM"): number {
  const found = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(readFileSync("/proc/self/status", "utf8"));
  return Number(found?.[1]) * 1024;
}

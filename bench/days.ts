import { createHash } from "node:crypto";
import { existsSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { addDays, parseDay, type Day } from "../lib/model/day.ts";
import { runCoreProgram } from "./core-program.ts";
import { dataFolder, project } from "./folders.ts";
import type { Setting } from "./measurement.ts";

/** Days of made-up trades in the exchange's layout. */
export interface DaysArchive {
  readonly folder: string;
  readonly symbol: string;
  readonly firstDay: Day;
  readonly tradesPerDay: number;
}

/** As many as any measurement reads. */
const dayCount = 8;
const symbol = "BTCUSDT";
const firstDay = parseDay("2024-08-08");

/** The archive that all measurements share: written once, and again when the program that makes it has changed. */
export async function madeUpDays({ quick }: Setting): Promise<DaysArchive> {
  const tradesPerDay = quick ? 50_000 : 5_000_000;
  const folder = join(dataFolder, `days-${dayCount}x${tradesPerDay}-${makerHash()}`);
  if (!existsSync(folder)) {
    process.stderr.write(`bench: writing ${dayCount} days of ${tradesPerDay} trades\n`);
    const unfinished = `${folder}.new`;
    rmSync(unfinished, { recursive: true, force: true });
    const size = ["--days", `${dayCount}`, "--trades", `${tradesPerDay}`];
    await runCoreProgram(["days", "--out", unfinished, "--symbol", symbol, "--first", firstDay, ...size], "all cores");
    renameSync(unfinished, folder);
  }
  return { folder, symbol, firstDay, tradesPerDay };
}

/** One day's zip. @param number 0 is the first day */
export function dayFile({ folder, symbol, firstDay }: DaysArchive, number: number): string {
  const name = `${symbol}-aggTrades-${addDays(firstDay, number)}.zip`;
  return join(folder, "data", "spot", "daily", "aggTrades", symbol, name);
}

function makerHash(): string {
  const hash = createHash("sha256");
  for (const file of ["days.rs", "synthetic.rs"]) hash.update(readFileSync(join(project, "native/bench/src", file)));
  return hash.digest("hex").slice(0, 12);
}

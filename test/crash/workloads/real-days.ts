import { readFileSync } from "node:fs";
import { inflateRawSync } from "node:zlib";
import { addDays, dayStartMs, type Day } from "../../../lib/model/day.ts";
import { symbolFolder } from "../../../lib/sources/archive/layout.ts";
import { ArchiveFolder } from "../../rig/make-archive.ts";
import { join } from "node:path";

/** The text of a zip of one file, as the exchange makes them. */
function unzip(zip: Buffer): string {
  const size = zip.readUInt32LE(18);
  const begin = 30 + zip.readUInt16LE(26) + zip.readUInt16LE(28);
  return inflateRawSync(zip.subarray(begin, begin + size)).toString("utf8");
}

/**
 * The example's real trades spread over days: ids, prices and quantities as they were, times moved. Ten minutes become as many
 * days as there are commits wanted.
 */
export function spreadRealTrades(
  root: string,
  exampleArchive: string,
  symbols: readonly string[],
  first: Day,
  days: number,
): void {
  const folder = join(exampleArchive, symbolFolder("spot", "BTCUSDT"));
  const lines = ["2024-08-08", "2024-08-09"].flatMap((day) =>
    unzip(readFileSync(join(folder, `BTCUSDT-aggTrades-${day}.zip`)))
      .trim()
      .split("\n"),
  );
  const perDay = Math.ceil(lines.length / days);
  for (let i = 0; i < days; i += 1) {
    const ofDay = lines.slice(i * perDay, (i + 1) * perDay).map((line) => line.split(","));
    const day = addDays(first, i);
    const movedMs = dayStartMs(day) + 43_200_000 - Number(ofDay[0]?.[5]);
    const moved = ofDay.map((fields) => fields.with(5, `${Number(fields[5]) + movedMs}`).join(","));
    for (const symbol of symbols) new ArchiveFolder(root, symbol).putLines(day, moved);
  }
}

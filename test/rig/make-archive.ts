import { createHash } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Day } from "../../lib/model/day.ts";
import { archiveFolderOfMarket, type Market } from "../../lib/model/markets.ts";
import { csvOf, walkTrades, type CsvOptions, type RigTrade, type WalkOptions } from "./trades.ts";
import { zipOf } from "./zip.ts";

export { csvOf, randomNumbers, walkTrades, type CsvOptions, type RigTrade, type WalkOptions } from "./trades.ts";
export { zipOf, type ZipEntry } from "./zip.ts";

/** What is wrong with the zip. */
export type ZipFlaw =
  /** Its last third is missing. */
  | "truncated"
  /** One bit of the deflated stream is flipped. */
  | "bit-flip"
  /** The declared CRC is not the content's. */
  | "wrong-crc"
  /** The declared inflated size is less than the content's. */
  | "wrong-size"
  /** Zeros that inflate to a thousand times the zip's size. */
  | "bomb"
  | "two-entries"
  /** The inner file is of another symbol. */
  | "wrong-entry-name"
  | "not-a-zip"
  /** A sound zip of an empty file. */
  | "empty";

/** What is wrong with the `.CHECKSUM`; it is right about the (flawed) zip otherwise. */
export type ChecksumFlaw =
  /** The file is not there. */
  | "none"
  /** 64 other digits. */
  | "wrong"
  /** Not a checksum line. */
  | "malformed"
  /** Right digits, another file's name. */
  | "other-name"
  /** Right, but in capitals: no flaw at all. */
  | "upper-case";

export interface DayOptions extends CsvOptions {
  readonly symbol?: string;
  readonly market?: Market;
  readonly day: Day;
  /** The trades; or `csv`, their text as it is to stand in the archive. */
  readonly trades?: readonly RigTrade[];
  readonly csv?: string | Uint8Array;
  readonly method?: "deflate" | "store";
  readonly zipFlaw?: ZipFlaw;
  readonly checksumFlaw?: ChecksumFlaw;
}

/** A day as it lies in the archive; `url` is its path below the archive's root, with a slash in front. */
export interface MadeDay {
  readonly day: Day;
  readonly name: string;
  readonly path: string;
  readonly url: string;
  readonly sha256: string;
  readonly bytes: number;
}

/**
 * Writes one day of an archive in the exchange's layout below `root` (the folder that will hold `data/`), with its
 * `.CHECKSUM`. Defaults: BTCUSDT, spot, 8 columns, no header, ms, `True`. An existing day is replaced.
 */
export function makeDay(root: string, options: DayOptions): MadeDay {
  const { symbol = "BTCUSDT", market = "spot", day } = options;
  const name = `${symbol}-aggTrades-${day}.zip`;
  const below = `data/${archiveFolderOfMarket[market]}/daily/aggTrades/${symbol}`;
  const path = join(root, below, name);
  const zip = zipBytes(options, `${symbol}-aggTrades-${day}.csv`);
  const sha256 = createHash("sha256").update(zip).digest("hex");
  mkdirSync(join(root, below), { recursive: true });
  writeFileSync(path, zip);
  const line = checksumLine(options.checksumFlaw, sha256, name);
  if (line === undefined) rmSync(`${path}.CHECKSUM`, { force: true });
  else writeFileSync(`${path}.CHECKSUM`, line);
  return { day, name, path, url: `/${below}/${name}`, sha256, bytes: zip.length };
}

/** Several days whose ids, fills and prices follow each other. @returns the days and all their trades */
export function makeDays(
  root: string,
  days: readonly Day[],
  options: Omit<DayOptions, "day" | "trades" | "csv"> &
    Omit<WalkOptions, "day" | "count"> & { readonly count?: number } = {},
): { readonly days: MadeDay[]; readonly trades: RigTrade[] } {
  const trades: RigTrade[] = [];
  const made = days.map((day, i) => {
    const last = trades.findLast((trade) => trade.firstId >= 0);
    const goesOn = last && {
      firstId: (trades.at(-1) ?? last).id + 1,
      firstFillId: last.lastId + 1,
      startTicks: Math.round(Number(last.price) * 100),
    };
    const ofDay = walkTrades({
      ...options,
      ...goesOn,
      day,
      count: options.count ?? 200,
      seed: (options.seed ?? 1) + i,
    });
    trades.push(...ofDay);
    return makeDay(root, { ...options, day, trades: ofDay });
  });
  return { days: made, trades };
}

const bombBytes = 64 * 1024 * 1024;

function zipBytes(options: DayOptions, entryName: string): Buffer {
  const { zipFlaw, method = "deflate" } = options;
  const text = options.csv ?? csvOf(options.trades ?? [], options);
  const content = typeof text === "string" ? Buffer.from(text) : text;
  const entry = { name: entryName, content, method };
  if (zipFlaw === undefined) return zipOf([entry]);
  switch (zipFlaw) {
    case "truncated": {
      const whole = zipOf([entry]);
      return whole.subarray(0, Math.floor((whole.length * 2) / 3));
    }
    case "bit-flip": {
      const bytes = zipOf([entry]);
      const middle = 30 + entryName.length + Math.floor((bytes.length - 150) / 2);
      bytes.writeUInt8(bytes.readUInt8(middle) ^ 0x10, middle);
      return bytes;
    }
    case "wrong-crc":
      return zipOf([{ ...entry, declaredCrc: 0x12345678 }]);
    case "wrong-size":
      return zipOf([{ ...entry, declaredSize: Math.floor(content.length / 2) }]);
    case "bomb":
      return zipOf([{ ...entry, content: Buffer.alloc(bombBytes, "0") }]);
    case "two-entries":
      return zipOf([entry, { ...entry, name: "README.txt" }]);
    case "wrong-entry-name":
      return zipOf([{ ...entry, name: entryName.replace(/^[^-]+/, "OTHERUSDT") }]);
    case "not-a-zip":
      return Buffer.from("<html><body>this is a captive portal, not an archive</body></html>\n");
    case "empty":
      return zipOf([{ ...entry, content: new Uint8Array() }]);
  }
}

function checksumLine(flaw: ChecksumFlaw | undefined, sha256: string, name: string): string | undefined {
  switch (flaw) {
    case undefined:
      return `${sha256}  ${name}\n`;
    case "none":
      return undefined;
    case "wrong":
      return `${"0123456789abcdef".repeat(4)}  ${name}\n`;
    case "malformed":
      return "<html>this is not a checksum</html>\n";
    case "other-name":
      return `${sha256}  ${name.replace(/^[^-]+/, "OTHERUSDT")}\n`;
    case "upper-case":
      return `${sha256.toUpperCase()}  ${name}\n`;
  }
}

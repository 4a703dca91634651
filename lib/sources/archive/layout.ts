import type { Day } from "../../model/day.ts";
import { UpstreamDataError } from "../../model/errors.ts";
import { archiveFolderOfMarket, type Market } from "../../model/markets.ts";

/** The folder of a symbol's daily aggregate trades below an archive's root, in the exchange's layout. */
export function symbolFolder(market: Market, symbol: string): string {
  return `data/${archiveFolderOfMarket[market]}/daily/aggTrades/${symbol}`;
}

/** A day's file name. */
export function archiveName(symbol: string, day: Day): string {
  return `${symbol}-aggTrades-${day}.zip`;
}

/**
 * The digest of a `.CHECKSUM` file: one line of 64 hexadecimal digits, spaces and the archive's name.
 * @returns lower-case digits
 * @throws UpstreamDataError BAD_CHECKSUM_FILE
 */
export function parseChecksum(text: string, name: string): string {
  const [, digits, named] = /^([0-9a-fA-F]{64})\s+\*?(\S+)\s*$/.exec(text) ?? [];
  if (digits !== undefined && named === name) return digits.toLowerCase();
  const problem =
    digits === undefined ? `"${text.slice(0, 80).trim()}" is not a checksum line` : `it is about ${named}`;
  throw new UpstreamDataError(`the checksum file of ${name} is wrong: ${problem}`, {
    code: "BAD_CHECKSUM_FILE",
    subject: `${name}.CHECKSUM`,
    hint: "fetch it again; the exchange publishes one line: 64 hexadecimal digits, two spaces, the file's name",
  });
}

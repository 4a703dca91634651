import type { NativeCell } from "../store/index.ts";

const fp8Columns: ReadonlySet<string> = new Set([
  "open",
  "high",
  "low",
  "close",
  "vwap",
  "volume",
  "buy_volume",
  "sell_volume",
]);
const fp16Columns: ReadonlySet<string> = new Set(["turnover", "buy_turnover", "sell_turnover"]);
const timeColumns: ReadonlySet<string> = new Set(["open_time", "close_time"]);

/** A fixed-point integer as a decimal, every digit of it. */
export function formatFixed(value: bigint, decimals: number): string {
  const digits = (value < 0n ? -value : value).toString().padStart(decimals + 1, "0");
  const fraction = digits.slice(-decimals).replace(/0+$/, "");
  const sign = value < 0n ? "-" : "";
  return `${sign}${digits.slice(0, -decimals)}${fraction === "" ? "" : `.${fraction}`}`;
}

/** µs since the epoch as `2024-08-08T23:59:59.123456Z`. */
function formatTime(us: bigint): string {
  const iso = new Date(Number(us / 1000n)).toISOString();
  return `${iso.slice(0, 23)}${String(us % 1000n).padStart(3, "0")}Z`;
}

/** A cell for people: prices and volumes as decimals, times in ISO 8601; nothing is rounded. */
export function formatCell(column: string, cell: NativeCell): string {
  if (typeof cell === "bigint") {
    if (fp8Columns.has(column)) return formatFixed(cell, 8);
    if (fp16Columns.has(column)) return formatFixed(cell, 16);
    if (timeColumns.has(column)) return formatTime(cell);
  }
  return String(cell);
}

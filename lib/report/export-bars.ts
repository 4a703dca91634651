import { once } from "node:events";
import { exportColumns, refuseIfGone, type ExportRequest, type SeriesRead } from "../datasets/range/export.ts";
import { decodeNative, type NativeBlock, type NativeCell, type Store } from "../store/index.ts";
import { formatCell } from "./bar-format.ts";

export const exportFormats = ["csv", "ndjson", "arrow", "parquet"] as const;
export type ExportFormat = (typeof exportFormats)[number];

/** Writes rows as text; memory is bounded by one window of bars. @param exact integers exactly as stored */
export async function writeText(
  store: Store,
  request: ExportRequest,
  read: SeriesRead,
  format: "csv" | "ndjson",
  exact: boolean,
  out: NodeJS.WritableStream,
  signal: AbortSignal,
): Promise<void> {
  const columns = [...exportColumns(request), "complete"];
  const cellText = (column: string, cell: NativeCell): string => (exact ? String(cell) : formatCell(column, cell));
  const rowText =
    format === "csv"
      ? (cells: readonly NativeCell[]): string => cells.map((cell, i) => cellText(columns[i] ?? "", cell)).join(",")
      : (cells: readonly NativeCell[]): string =>
          JSON.stringify(
            Object.fromEntries(cells.map((cell, i) => [columns[i] ?? "", jsonCell(columns[i] ?? "", cell)])),
          );
  const jsonCell = (column: string, cell: NativeCell): string | number =>
    typeof cell === "number" ? cell : cellText(column, cell);
  if (format === "csv") await write(out, `${columns.join(",")}\n`, signal);
  for (const query of read.queries) {
    for await (const block of decodeNative(store.stream(query, "Native"))) {
      await write(out, rowsText(block, columns, rowText), signal);
    }
  }
  await refuseIfGone(store, read);
  if (read.forming !== undefined) await write(out, rowsText(asForming(read.forming), columns, rowText), signal);
}

function rowsText(
  block: NativeBlock,
  columns: readonly string[],
  rowText: (cells: readonly NativeCell[]) => string,
): string {
  const cells = columns.map((name) => {
    const column = block.columns.get(name);
    if (column === undefined) throw new Error(`the store's answer lacks column ${name}`);
    return column;
  });
  let text = "";
  for (let row = 0; row < block.rows; row += 1) {
    text += `${rowText(cells.map((column) => column[row] ?? ""))}\n`;
  }
  return text;
}

/** The forming bar as a row of the export. */
function asForming(block: NativeBlock): NativeBlock {
  const columns = new Map(block.columns);
  columns.set("complete", [0]);
  columns.set("orphan_reason", ["none"]);
  return { rows: block.rows, columns };
}

const wideColumns = ["volume", "turnover", "buy_volume", "sell_volume", "buy_turnover", "sell_turnover"] as const;

/** Writes the engine's own Arrow stream or Parquet file. The whole result is held in memory by the engine. */
export async function writeBinary(
  store: Store,
  read: SeriesRead,
  format: "arrow" | "parquet",
  out: NodeJS.WritableStream,
  signal: AbortSignal,
): Promise<void> {
  // Int128 would come out as 16 raw bytes; decimals without a fraction are integers that every reader knows.
  // The engine converts them from text only.
  const wide = wideColumns.map((name) => `CAST(toString(${name}) AS Decimal(38, 0)) AS ${name}`).join(", ");
  // Readers of Arrow in JavaScript know no compression.
  const settings =
    "SETTINGS output_format_arrow_compression_method = 'none', max_bytes_before_external_sort = 200000000";
  const sql = `SELECT * REPLACE (${wide}) FROM (${read.whole}) ORDER BY first_agg_trade_id ${settings}`;
  const engineFormat = format === "arrow" ? "ArrowStream" : "Parquet";
  for await (const chunk of store.stream(sql, engineFormat)) {
    await write(out, chunk, signal);
  }
  await refuseIfGone(store, read);
}

/** Waits where the reader is slower than we are. */
async function write(out: NodeJS.WritableStream, data: string | Uint8Array, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  if (data.length > 0 && !out.write(data)) await once(out, "drain", { signal });
}

export { formatBytes, formatCount, formatSeconds } from "../model/format.ts";

/** A column's cells are text as it is to be shown; numbers stand to the right. */
export interface TextColumn {
  readonly title: string;
  readonly align?: "right";
}

/** Lines of a plain table: a header, then a row each, columns two spaces apart. */
export function textTable(columns: readonly TextColumn[], rows: readonly (readonly string[])[]): string[] {
  const widths = columns.map((column, i) => Math.max(column.title.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    columns
      .map(({ align }, i) => {
        const cell = cells[i] ?? "";
        const width = widths[i] ?? 0;
        return align === "right" ? cell.padStart(width) : cell.padEnd(width);
      })
      .join("  ")
      .trimEnd();
  return [line(columns.map((column) => column.title)), ...rows.map(line)];
}

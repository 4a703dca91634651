/** Formats whose stream is the concatenation of the engine's chunks; others repeat a header or a schema in each. */
export const streamableFormats: ReadonlySet<string> = new Set([
  "Native",
  "JSONEachRow",
  "TabSeparated",
  "TSV",
  "RowBinary",
  "CSV",
]);

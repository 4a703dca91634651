/** A registry that allows symbols at every threshold. */
export function registryOf(symbols: readonly string[]): string {
  const tables = symbols.map(
    (symbol) => `
[symbols.${symbol}]
enabled = true
asset_class = "crypto"
exchange = "binance"
market = "spot"
listing_date = 2010-01-01
min_threshold = 1
`,
  );
  return `schema_version = 2\n${tables.join("")}`;
}

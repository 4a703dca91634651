import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "../ops/run.ts";

/** A registry that allows BTCUSDT at every threshold. @param more further lines of its table */
export function minimalRegistry(more = ""): string {
  return `schema_version = 2
[symbols.BTCUSDT]
enabled = true
asset_class = "crypto"
exchange = "binance"
market = "spot"
listing_date = 2017-08-17
min_threshold = 1
${more}`;
}

/** The same as a file. */
export function minimalRegistryFile(): string {
  const path = join(temporaryFolder("registry"), "symbols.toml");
  writeFileSync(path, minimalRegistry());
  return path;
}

import { readFileSync } from "node:fs";
import { parseDay } from "../lib/model/day.ts";
import { parseThreshold } from "../lib/model/series.ts";
import { Job } from "../lib/native/index.ts";

/** A block in ClickHouse's Native format. */
export interface Block {
  readonly rows: number;
  readonly bytes: Uint8Array;
}

/** Fine enough that four made-up days give a million bars. */
const threshold = parseThreshold(3);

/**
 * Bars of made-up days as the core writes them, each block widened by columns of noise.
 * @throws when the days have too few bars
 */
export async function wideBlocks(request: {
  readonly blocks: number;
  /** A block has as many rows, or a few more: the core pauses between two batches of trades. */
  readonly blockRows: number;
  readonly noise: readonly string[];
  readonly files: readonly { readonly path: string; readonly symbol: string; readonly day: string }[];
}): Promise<Block[]> {
  const job = new Job({ thresholds: [threshold], gateUnitUs: 1, segmentation: "year" });
  const constants = { series: "range:binance/spot/BTCUSDT@3", segment: "2024", build: 1, attempt: 1_048_577n };
  const blocks: Block[] = [];
  for (const { path, symbol, day } of request.files) {
    const sha256 = readFileSync(`${path}.CHECKSUM`, "utf8").slice(0, 64);
    let { done } = await job.ingestDay({ path, sha256, symbol, day: parseDay(day), barsMax: request.blockRows });
    while (!done) {
      const { bars, block } = job.take(0, constants);
      blocks.push({ rows: bars, bytes: widened(block, bars, request.noise) });
      if (blocks.length === request.blocks) return blocks;
      ({ done } = await job.resumeDay());
    }
  }
  throw new Error(`the days gave ${blocks.length} blocks of ${request.blockRows} bars`);
}

function widened(block: Uint8Array, rows: number, names: readonly string[]): Uint8Array {
  // A count below 128 is one byte.
  const columns = (block[0] ?? 0) + names.length;
  if (columns > 127) throw new Error("too many columns");
  return Buffer.concat([Buffer.from([columns]), block.subarray(1), ...names.map((name) => noiseColumn(name, rows))]);
}

function noiseColumn(name: string, rows: number): Uint8Array {
  const header = [name, "Float64"].map((text) => `${String.fromCharCode(text.length)}${text}`).join("");
  const values = Float64Array.from({ length: rows }, () => Math.random());
  return Buffer.concat([Buffer.from(header), Buffer.from(values.buffer)]);
}

import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { crc32, deflateRawSync } from "node:zlib";
import { addDays, dayStartMs, type Day } from "../../lib/model/day.ts";
import type { Market } from "../../lib/model/markets.ts";
import { archiveName, symbolFolder } from "../../lib/sources/archive/layout.ts";

/** A zip of one deflated file, as the exchange makes them; `declared` lies about size or CRC. */
export function zipOf(name: string, text: Uint8Array, declared: { size?: number; crc?: number } = {}): Buffer {
  const compressed = deflateRawSync(text);
  const size = declared.size ?? text.length;
  const fields = Buffer.alloc(26);
  fields.writeUInt16LE(20, 0);
  fields.writeUInt16LE(8, 4);
  fields.writeUInt32LE(declared.crc ?? crc32(text), 10);
  fields.writeUInt32LE(compressed.length, 14);
  fields.writeUInt32LE(size, 18);
  fields.writeUInt16LE(name.length, 22);
  const local = Buffer.concat([Buffer.from("PK\x03\x04", "latin1"), fields, Buffer.from(name), compressed]);
  const central = Buffer.concat([
    Buffer.from("PK\x01\x02", "latin1"),
    Buffer.from([20, 0]),
    fields,
    Buffer.alloc(14),
    Buffer.from(name),
  ]);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", 0, "latin1");
  end.writeUInt16LE(1, 8);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(local.length, 16);
  return Buffer.concat([local, central, end]);
}

/** One trade as a line's fields. */
export interface TradeFields {
  id: number;
  price: string;
  quantity: string;
  firstId: number;
  lastId: number;
  timeMs: number;
  isBuyerMaker: boolean;
}

/** A walk of trades over a day, the same for the same arguments; ids and fills follow each other. */
export function walkOf(day: Day, firstId: number, count: number): TradeFields[] {
  let state = 88_172_645_463_325_252n ^ BigInt(firstId);
  const draw = (): number => {
    state ^= (state << 13n) & 0xffff_ffff_ffff_ffffn;
    state ^= state >> 7n;
    state ^= (state << 17n) & 0xffff_ffff_ffff_ffffn;
    return Number(state % 1_000_003n);
  };
  let cents = 6_000_000;
  return Array.from({ length: count }, (_, i) => {
    cents += (draw() % 2_001) - 1_000;
    return {
      id: firstId + i,
      price: `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, "0")}000000`,
      quantity: `0.${String(1 + (draw() % 99_999)).padStart(5, "0")}000`,
      firstId: 10 * (firstId + i),
      lastId: 10 * (firstId + i) + (draw() % 10),
      timeMs: dayStartMs(day) + Math.floor((i * 86_400_000) / count),
      isBuyerMaker: draw() % 2 === 1,
    };
  });
}

/** The lines of a day's file. */
export function linesOf(trades: readonly TradeFields[]): string[] {
  return trades.map(
    (trade) =>
      `${trade.id},${trade.price},${trade.quantity},${trade.firstId},${trade.lastId},${trade.timeMs},${trade.isBuyerMaker ? "True" : "False"},True`,
  );
}

/** A folder in the exchange's layout, filled by a test. */
export class ArchiveFolder {
  readonly root: string;
  readonly #symbol: string;
  readonly #folder: string;

  constructor(root: string, symbol = "BTCUSDT", market: Market = "spot") {
    this.root = root;
    this.#symbol = symbol;
    this.#folder = join(root, symbolFolder(market, symbol));
    mkdirSync(this.#folder, { recursive: true });
  }

  pathOf(day: Day): string {
    return join(this.#folder, archiveName(this.#symbol, day));
  }

  /** Writes a day from its text. */
  putText(day: Day, text: string | Uint8Array): void {
    this.putZip(day, zipOf(`${this.#symbol}-aggTrades-${day}.csv`, Buffer.from(text)));
  }

  putLines(day: Day, lines: readonly string[]): void {
    this.putText(day, `${lines.join("\n")}\n`);
  }

  /** Writes a day's bytes with the checksum that belongs to them. */
  putZip(day: Day, zip: Uint8Array): void {
    writeFileSync(this.pathOf(day), zip);
    const digest = createHash("sha256").update(zip).digest("hex");
    writeFileSync(`${this.pathOf(day)}.CHECKSUM`, `${digest}  ${archiveName(this.#symbol, day)}\n`);
  }

  /** What the day's checksum file says. */
  digestOf(day: Day): string {
    return readFileSync(`${this.pathOf(day)}.CHECKSUM`, "utf8").slice(0, 64);
  }

  /** The day is published without its checksum file. */
  removeChecksum(day: Day): void {
    rmSync(`${this.pathOf(day)}.CHECKSUM`);
  }

  /** The day is not published any more. */
  remove(day: Day): void {
    for (const path of [this.pathOf(day), `${this.pathOf(day)}.CHECKSUM`]) rmSync(path);
  }

  /** Good days that follow each other, `perDay` trades each; the ids begin at 1000. */
  putWalk(firstDay: Day, days: number, perDay: number): void {
    for (let i = 0; i < days; i += 1) {
      const day = addDays(firstDay, i);
      this.putLines(day, linesOf(walkOf(day, 1000 + i * perDay, perDay)));
    }
  }
}

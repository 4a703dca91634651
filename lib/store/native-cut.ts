import { RetryableError } from "../model/errors.ts";

/** A Native block whose columns have a fixed width, as bytes: rows are cut out of it without being decoded. */
export class FixedBlock {
  readonly rows: number;
  readonly #columns: readonly FixedColumn[];

  constructor(rows: number, columns: readonly FixedColumn[]) {
    this.rows = rows;
    this.#columns = columns;
  }

  /** The rows `from` … `to` (excluded) as a Native body of one block. */
  cut(from: number, to: number): Buffer {
    const pieces = [varUint(this.#columns.length), varUint(to - from)];
    for (const { head, width, bytes } of this.#columns) pieces.push(head, bytes.subarray(from * width, to * width));
    return Buffer.concat(pieces);
  }

  /** Reads cells of an Int64 column by row. */
  int64(name: string): (row: number) => bigint {
    const column = this.#columns.find((one) => one.name === name);
    if (column?.type !== "Int64") throw new Error(`the store's answer has no Int64 column ${name}`);
    const { bytes } = column;
    return (row) => bytes.readBigInt64LE(row * 8);
  }
}

interface FixedColumn {
  readonly name: string;
  readonly type: string;
  /** Name and type as they stand in the body. */
  readonly head: Buffer;
  readonly width: number;
  readonly bytes: Buffer;
}

const widths: Readonly<Record<string, number>> = { Int64: 8, Int128: 16 };

/**
 * The blocks of a whole Native body of Int64 and Int128 columns.
 * @throws RetryableError STORE_CUT when the body ends in the middle of a block; Error for a column of another type
 */
export function fixedBlocks(body: Buffer): FixedBlock[] {
  const blocks: FixedBlock[] = [];
  const reader = new Reader(body);
  while (!reader.isAtEnd) {
    const columnCount = reader.varUint();
    const rows = reader.varUint();
    const columns = Array.from({ length: columnCount }, () => reader.column(rows));
    if (rows > 0) blocks.push(new FixedBlock(rows, columns));
  }
  return blocks;
}

class Reader {
  readonly #body: Buffer;
  #at = 0;

  constructor(body: Buffer) {
    this.#body = body;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#body.length;
  }

  varUint(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.#take(1).readUInt8();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
  }

  column(rows: number): FixedColumn {
    const start = this.#at;
    const name = this.#take(this.varUint()).toString("utf8");
    const type = this.#take(this.varUint()).toString("utf8");
    const head = this.#body.subarray(start, this.#at);
    const width = widths[type];
    if (width === undefined) throw new Error(`column ${name} has type ${type}, whose width is not known here`);
    return { name, type, head, width, bytes: this.#take(rows * width) };
  }

  #take(count: number): Buffer {
    const end = this.#at + count;
    if (end > this.#body.length) {
      throw new RetryableError("the store's answer ended in the middle of a block", {
        code: "STORE_CUT",
        hint: "run the command again",
      });
    }
    const bytes = this.#body.subarray(this.#at, end);
    this.#at = end;
    return bytes;
  }
}

function varUint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 0x80) return Buffer.from([...bytes, rest]);
    bytes.push((rest % 128) | 0x80);
  }
}

import { RetryableError } from "../model/errors.ts";

/** A cell of a Native block as this program reads it; 64-bit and wider integers are exact. */
export type NativeCell = bigint | number | string;

/** One decoded block of ClickHouse's Native format: columns by name, each with as many cells as the block has rows. */
export interface NativeBlock {
  readonly rows: number;
  readonly columns: ReadonlyMap<string, ArrayLike<NativeCell>>;
}

/** Bytes of a stream, asked for in exact amounts. */
class ByteQueue {
  readonly #source: AsyncIterator<Uint8Array>;
  #buffer: Buffer = Buffer.alloc(0);
  #offset = 0;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  async close(): Promise<void> {
    await this.#source.return?.();
  }

  /** True when the stream has ended and everything was taken. */
  async isEmpty(): Promise<boolean> {
    return !(await this.#fill(1));
  }

  /** @throws RetryableError STORE_CUT when the stream ends before */
  async take(count: number): Promise<Buffer> {
    if (!(await this.#fill(count))) {
      throw new RetryableError("the store's answer ended in the middle of a block", {
        code: "STORE_CUT",
        hint: "run the command again",
      });
    }
    const bytes = this.#buffer.subarray(this.#offset, this.#offset + count);
    this.#offset += count;
    return bytes;
  }

  async #fill(count: number): Promise<boolean> {
    let missing = count - (this.#buffer.length - this.#offset);
    if (missing <= 0) return true;
    const pieces: Uint8Array[] = [this.#buffer.subarray(this.#offset)];
    while (missing > 0) {
      const next = await this.#source.next();
      if (next.done === true) break;
      pieces.push(next.value);
      missing -= next.value.length;
    }
    this.#buffer = Buffer.concat(pieces);
    this.#offset = 0;
    return missing <= 0;
  }

  async varUint(): Promise<number> {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = (await this.take(1))[0] ?? 0;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
  }

  async string(): Promise<string> {
    return (await this.take(await this.varUint())).toString("utf8");
  }
}

/** Copied, because typed arrays want their bytes aligned. */
function aligned(bytes: Buffer): ArrayBuffer {
  const copy = new ArrayBuffer(bytes.length);
  new Uint8Array(copy).set(bytes);
  return copy;
}

function int128Column(bytes: Buffer): bigint[] {
  return Array.from(
    { length: bytes.length / 16 },
    (_, row) => (bytes.readBigInt64LE(row * 16 + 8) << 64n) | bytes.readBigUInt64LE(row * 16),
  );
}

const fixedWidth: Readonly<Record<string, readonly [number, (bytes: Buffer) => ArrayLike<NativeCell>]>> = {
  Int8: [1, (bytes) => new Int8Array(aligned(bytes))],
  UInt8: [1, (bytes) => new Uint8Array(aligned(bytes))],
  UInt32: [4, (bytes) => new Uint32Array(aligned(bytes))],
  Int64: [8, (bytes) => new BigInt64Array(aligned(bytes))],
  UInt64: [8, (bytes) => new BigUint64Array(aligned(bytes))],
  Int128: [16, int128Column],
  Float64: [8, (bytes) => new Float64Array(aligned(bytes))],
};

async function readColumn(queue: ByteQueue, name: string, type: string, rows: number): Promise<ArrayLike<NativeCell>> {
  if (type === "String") {
    const cells: string[] = [];
    for (let row = 0; row < rows; row += 1) cells.push(await queue.string());
    return cells;
  }
  const known = fixedWidth[type];
  if (known === undefined) {
    throw new Error(`column ${name} has type ${type}, which is not read here; cast it in the query`);
  }
  const [width, decode] = known;
  return decode(await queue.take(width * rows));
}

/**
 * Decodes a Native stream block by block; holds one block at a time.
 * @throws RetryableError STORE_CUT when the stream ends in the middle of a block
 */
export async function* readNative(source: AsyncIterable<Uint8Array>): AsyncGenerator<NativeBlock> {
  const queue = new ByteQueue(source);
  try {
    while (!(await queue.isEmpty())) {
      const columnCount = await queue.varUint();
      const rows = await queue.varUint();
      const columns = new Map<string, ArrayLike<NativeCell>>();
      for (let column = 0; column < columnCount; column += 1) {
        const name = await queue.string();
        const type = await queue.string();
        columns.set(name, await readColumn(queue, name, type, rows));
      }
      if (rows > 0) yield { rows, columns };
    }
  } finally {
    // A reader that stops early must not leave the engine's cursor open.
    await queue.close();
  }
}

/** The same for bytes that are at hand. */
export async function* readNativeBytes(bytes: Uint8Array): AsyncGenerator<NativeBlock> {
  yield* readNative(pieces(bytes));
}

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

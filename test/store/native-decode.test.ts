import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import * as fc from "fast-check";
import { RetryableError } from "../../lib/model/errors.ts";
import { readNativeBody } from "../../lib/store/digest.ts";
import { readNative, type NativeBlock, type NativeCell } from "../../lib/store/native-decode.ts";
import { openStore, type Store } from "../../lib/store/store.ts";
import { temporaryFolder } from "../ops/run.ts";
import { ServedStoreProcess } from "../rig/serve.ts";
import { openBare } from "./bare-store.ts";

let store: Store;

before(async () => {
  store = await openBare(join(temporaryFolder("native-decode"), "state"));
});
after(async () => {
  await store.close();
});

/** Every type that is read, and cells of it: the ends of its range more often than chance would have them. */
const cellsOf: Readonly<Record<string, fc.Arbitrary<NativeCell>>> = {
  Int8: fc.integer({ min: -128, max: 127 }),
  UInt8: fc.integer({ min: 0, max: 255 }),
  UInt32: fc.oneof(fc.constantFrom(0, 2 ** 32 - 1), fc.integer({ min: 0, max: 2 ** 32 - 1 })),
  Int64: wide(-(2n ** 63n), 2n ** 63n - 1n),
  UInt64: wide(0n, 2n ** 64n - 1n),
  Int128: wide(-(2n ** 127n), 2n ** 127n - 1n),
  Float64: fc.double(),
  String: fc.oneof(fc.string({ unit: "binary", maxLength: 30 }), fc.constantFrom("", "x".repeat(127), "y".repeat(128))),
};

function wide(min: bigint, max: bigint): fc.Arbitrary<bigint> {
  return fc.oneof(
    fc.constantFrom(min, max, 0n, min + 1n, max - 1n, (max >> 1n) + 1n),
    fc.bigInt({ min, max }),
    fc.bigInt({ min: min < 0n ? -9n : 0n, max: 9n }),
  );
}

interface Table {
  readonly types: readonly string[];
  readonly rows: readonly (readonly NativeCell[])[];
}

const anyTable: fc.Arbitrary<Table> = fc
  .array(fc.constantFrom(...Object.keys(cellsOf)), { minLength: 1, maxLength: 6 })
  .chain((types) => {
    const row = fc.tuple(...types.map((type) => cellsOf[type] ?? fc.constant(0)));
    return fc.array(row, { minLength: 1, maxLength: 12 }).map((rows) => ({ types, rows }));
  });

/** A row as the engine reads it from JSON: numbers as text, so that each is exact. */
function jsonRow(cells: readonly NativeCell[]): Record<string, string | number> {
  return Object.fromEntries(
    cells.map((cell, i) => {
      if (typeof cell === "bigint") return [`c${i}`, cell.toString()];
      if (typeof cell === "string" || Number.isFinite(cell)) return [`c${i}`, Object.is(cell, -0) ? "-0" : cell];
      return [`c${i}`, Number.isNaN(cell) ? "nan" : cell > 0 ? "inf" : "-inf"];
    }),
  );
}

async function nativeOf(of: Store, { types, rows }: Table): Promise<Buffer> {
  const columns = types.map((type, i) => `c${i} ${type}`).join(", ");
  await of.command(`CREATE OR REPLACE TABLE default.probe (n UInt32, ${columns}) ENGINE = MergeTree ORDER BY n`);
  await of.insertRows(
    "default.probe",
    rows.map((cells, n) => ({ n, ...jsonRow(cells) })),
  );
  return readNativeBody(of, `SELECT * EXCEPT n FROM default.probe ORDER BY n`);
}

/** Bytes in pieces of the given sizes, over and over; an empty piece now and then is no end. */
async function* inPieces(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  for (let at = 0, i = 0; at < bytes.length; i += 1) {
    const size = sizes[i % sizes.length] ?? 1;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

async function blocksOf(source: AsyncIterable<Uint8Array>): Promise<NativeBlock[]> {
  const blocks: NativeBlock[] = [];
  for await (const block of readNative(source)) blocks.push(block);
  return blocks;
}

/** Rows of all blocks, cell by cell. */
async function rowsOf(bytes: Uint8Array, sizes: readonly number[] = [bytes.length]): Promise<NativeCell[][]> {
  const rows: NativeCell[][] = [];
  for (const { rows: count, columns } of await blocksOf(inPieces(bytes, sizes))) {
    for (const cells of columns.values()) assert.equal(cells.length, count);
    for (let row = 0; row < count; row += 1) {
      rows.push(
        Array.from(columns.values(), (cells) => {
          const cell = cells[row];
          assert.ok(cell !== undefined);
          return cell;
        }),
      );
    }
  }
  return rows;
}

test("any columns come back from the engine as they went in, in pieces of any size", async () => {
  const sizes = fc.array(fc.nat({ max: 40 }), { minLength: 1, maxLength: 4 }).filter((all) => all.some((n) => n > 0));
  await fc.assert(
    fc.asyncProperty(anyTable, sizes, async (table, pieces) => {
      const bytes = await nativeOf(store, table);
      const decoded = await rowsOf(bytes, pieces);
      assert.deepStrictEqual(decoded, table.rows);
    }),
    { numRuns: 80 },
  );
});

test("the same through a served store", async () => {
  await using served = await ServedStoreProcess.start(join(temporaryFolder("native-decode-served"), "state"));
  const { url, user, password } = served;
  const there = await openStore({ stateDirectory: "unused", url, user, password });
  try {
    await fc.assert(
      fc.asyncProperty(anyTable, async (table) => {
        assert.deepStrictEqual(await rowsOf(await nativeOf(there, table)), table.rows);
      }),
      { numRuns: 15 },
    );
  } finally {
    await there.close();
  }
});

const every = `SELECT toInt8(number) AS a, toUInt8(number) AS b, toUInt32(number) AS c, toInt64(-number) AS d, toUInt64(number) AS e,
  toInt128(-number) * toInt128('18446744073709551616') AS f, number / 7 AS g, repeat('é', toUInt64(number * 50)) AS h FROM numbers(3)`;
const everyRow = (n: number): NativeCell[] => [
  n,
  n,
  n,
  BigInt(-n),
  BigInt(n),
  BigInt(-n) << 64n,
  n / 7,
  "é".repeat(n * 50),
];

test("a chunk may end behind any byte", async () => {
  const bytes = await readNativeBody(store, every);
  const expected = [0, 1, 2].map(everyRow);
  for (let cut = 0; cut <= bytes.length; cut += 1) {
    assert.deepStrictEqual(await rowsOf(bytes, [cut, bytes.length]), expected, `behind byte ${cut}`);
  }
  assert.deepStrictEqual(await rowsOf(bytes, [1]), expected);
});

test("a stream that ends early is an error, never a short result", async () => {
  const one = await readNativeBody(store, every);
  const bytes = Buffer.concat([one, one]);
  for (let length = 0; length < bytes.length; length += 1) {
    const cut = bytes.subarray(0, length);
    const isWhole = length === 0 || length === one.length;
    for (const sizes of [[length], [7]]) {
      if (isWhole) {
        assert.equal((await rowsOf(cut, sizes)).length, length === 0 ? 0 : 3);
        continue;
      }
      await assert.rejects(rowsOf(cut, sizes), (error) => {
        assert.ok(error instanceof RetryableError, `${length} bytes: ${String(error)}`);
        assert.equal(error.code, "STORE_CUT");
        return true;
      });
    }
  }
});

test("what was whole before the cut is handed out before the error", async () => {
  const one = await readNativeBody(store, every);
  const blocks = readNative(inPieces(Buffer.concat([one, one]).subarray(0, 2 * one.length - 1), [5]));
  const first = await blocks.next();
  assert.ok(first.done !== true && first.value.rows === 3);
  await assert.rejects(blocks.next(), RetryableError);
});

test("an error of the stream itself comes through as it is", async () => {
  const bytes = await readNativeBody(store, every);
  const broken = async function* (): AsyncGenerator<Uint8Array> {
    yield bytes.subarray(0, 20);
    throw new Error("the wire broke");
  };
  await assert.rejects(blocksOf(broken()), /the wire broke/);
});

test("a reader that stops early closes the stream behind it", async () => {
  const one = await readNativeBody(store, every);
  let closed = false;
  const source = async function* (): AsyncGenerator<Uint8Array> {
    try {
      for (let i = 0; i < 100; i += 1) yield one;
    } finally {
      closed = true;
    }
  };
  for await (const block of readNative(source())) {
    assert.equal(block.rows, 3);
    break;
  }
  assert.equal(closed, true);
});

test("a stream of the engine that is given up leaves the store usable", async () => {
  for await (const block of readNative(store.stream("SELECT number AS n FROM numbers(20000000)", "Native"))) {
    assert.ok(block.rows > 0);
    break;
  }
  assert.equal((await rowsOf(await readNativeBody(store, "SELECT toUInt8(1) AS one"))).length, 1);
});

test("many blocks, each in its order; no rows are no block", async () => {
  let next = 0n;
  let blocks = 0;
  const sql = "SELECT number AS n, toString(number) AS s FROM numbers(60000) SETTINGS max_block_size = 1000";
  for await (const { rows, columns } of readNative(store.stream(sql, "Native"))) {
    blocks += 1;
    const [n, s] = [columns.get("n"), columns.get("s")];
    for (let row = 0; row < rows; row += 1) {
      assert.equal(n?.[row], next);
      assert.equal(s?.[row], next.toString());
      next += 1n;
    }
  }
  assert.equal(next, 60_000n);
  assert.ok(blocks > 1);
  assert.deepEqual(await rowsOf(await readNativeBody(store, "SELECT number AS n FROM numbers(0)")), []);
  assert.deepEqual(await rowsOf(Buffer.alloc(0)), []);
});

test("a column's name may be anything", async () => {
  const [block] = await blocksOf(inPieces(await readNativeBody(store, "SELECT toUInt8(7) AS `é ;'\n`"), [3]));
  assert.equal(block?.columns.get("é ;'\n")?.[0], 7);
});

test("another type is refused by name, with what to do, and not misread", async () => {
  for (const value of [
    "toInt16(1)",
    "toDate('2024-01-01')",
    "toDateTime64('2024-01-01', 3)",
    "toFloat32(1)",
    "toUInt128(1)",
    "CAST('a', 'Enum8(\\'a\\' = 1)')",
    "CAST('a', 'LowCardinality(String)')",
    "CAST(1, 'Nullable(UInt8)')",
    "true",
    "[1]",
    "toFixedString('a', 1)",
    "NULL",
  ]) {
    const bytes = await readNativeBody(store, `SELECT ${value} AS odd`);
    await assert.rejects(rowsOf(bytes), /column odd has type .* which is not read here; cast it in the query/, value);
  }
});

test("the bars' own types are read as they are, or cast as the queries do", async () => {
  const sql = `SELECT CAST(CAST('id_gap', 'Enum8(\\'none\\' = 0, \\'id_gap\\' = 4)'), 'Int8') AS reason,
  CAST(CAST('s', 'LowCardinality(String)'), 'String') AS series`;
  assert.deepEqual(await rowsOf(await readNativeBody(store, sql)), [[4, "s"]]);
});

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import * as fc from "fast-check";
import { RetryableError } from "../../lib/model/errors.ts";
import { readNativeBody } from "../../lib/store/digest.ts";
import { fixedBlocks } from "../../lib/store/native-cut.ts";
import { readNativeBytes, type NativeCell } from "../../lib/store/native-decode.ts";
import type { Store } from "../../lib/store/store.ts";
import { temporaryFolder } from "../ops/run.ts";
import { openBare } from "./bare-store.ts";

let store: Store;
const rows = 500;
/** Some blocks of both widths, extremes among the cells. */
let body: Buffer;

before(async () => {
  store = await openBare(join(temporaryFolder("native-cut"), "state"));
  const wide = "if(number % 7 = 0, toInt128('-170141183460469231731687303715884105728'), toInt128(number) * -3)";
  body = await readNativeBody(
    store,
    `SELECT toInt64(number) - 5 AS id, ${wide} AS wide FROM numbers(${rows}) SETTINGS max_block_size = 130`,
  );
});
after(async () => {
  await store.close();
});

async function cellsOf(bytes: Uint8Array): Promise<NativeCell[][]> {
  const cells: NativeCell[][] = [];
  for await (const block of readNativeBytes(bytes)) {
    const columns = ["id", "wide"].map((name) => block.columns.get(name) ?? []);
    for (let row = 0; row < block.rows; row += 1) cells.push(columns.map((column) => column[row] ?? "none"));
  }
  return cells;
}

test("blocks that are cut anywhere and put together again are the rows that were there", async () => {
  const whole = await cellsOf(body);
  const blocks = fixedBlocks(body);
  assert.equal(whole.length, rows);
  assert.ok(blocks.length > 1, "several blocks are wanted");
  assert.equal(
    blocks.reduce((sum, block) => sum + block.rows, 0),
    rows,
  );
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat({ max: rows }), { maxLength: 6 }), async (places) => {
      const pieces = blocks.flatMap((block) => {
        const ends = [...places.map((place) => place % (block.rows + 1)), block.rows].toSorted((a, b) => a - b);
        return ends.map((end, i) => block.cut(ends[i - 1] ?? 0, end));
      });
      assert.deepEqual(await cellsOf(Buffer.concat(pieces)), whole);
    }),
    { numRuns: 30 },
  );
});

test("cells are read by name; a column that is not there, or of another width, is an error", () => {
  const [block] = fixedBlocks(body);
  assert.equal(block?.int64("id")(0), -5n);
  assert.equal(block.int64("id")(block.rows - 1), BigInt(block.rows) - 6n);
  assert.throws(() => block.int64("wide"), /no Int64 column wide/);
  assert.throws(() => block.int64("other"), /no Int64 column other/);
});

test("a body that is cut short says so, whole blocks before it or not", () => {
  const [first] = fixedBlocks(body);
  const size = first?.cut(0, first.rows).length ?? 0;
  for (let length = 1; length < size; length += 97) {
    assert.throws(
      () => fixedBlocks(body.subarray(0, length)),
      (error) => error instanceof RetryableError && error.code === "STORE_CUT",
      `${length}`,
    );
  }
  assert.throws(() => fixedBlocks(body.subarray(0, -1)), RetryableError);
  assert.deepEqual(fixedBlocks(Buffer.alloc(0)), []);
});

test("other types are refused, not guessed", async () => {
  const other = await readNativeBody(store, "SELECT toUInt8(1) AS flag");
  assert.throws(() => fixedBlocks(other), /flag has type UInt8/);
});

import assert from "node:assert/strict";
import { before, test } from "node:test";
import * as fc from "fast-check";
import { Failure } from "../../lib/model/errors.ts";
import { addonSourcesHash, barVersion, foldDigest, formatDigest } from "../../lib/native/index.ts";
import { fromAddon } from "../../lib/native/errors.ts";
import { columns } from "../../lib/store/columns.ts";
import { digestColumns } from "../../lib/store/index.ts";
import { linesOf, walkOf } from "../rig/make-archive.ts";
import { day, dayOf, decoded, jobOf, outputOf } from "./days.ts";

const noBars = 0xcbf2_9ce4_8422_2325n;
const prime = 0x0100_0000_01b3n;
const mask = 2n ** 64n - 1n;
const types = new Map(columns.map((column) => [column.name, column.type]));

type Bar = readonly bigint[];

/** FNV-1a as its authors state it: each integer as 16 bytes, the least first. */
function referenceDigest(bars: readonly Bar[], start = noBars): bigint {
  let digest = start;
  for (const bar of bars) {
    for (const value of bar) {
      const bits = BigInt.asUintN(128, value);
      for (let byte = 0n; byte < 16n; byte += 1n) {
        digest = ((digest ^ ((bits >> (8n * byte)) & 0xffn)) * prime) & mask;
      }
    }
  }
  return digest;
}

function textBytes(text: string): Buffer {
  return Buffer.concat([Buffer.from([text.length]), Buffer.from(text)]);
}

function varUint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return Buffer.from([...bytes, rest]);
}

/** Bars as one block of ClickHouse's Native format. */
function blockOf(bars: readonly Bar[]): Buffer {
  const pieces = [varUint(digestColumns.length), varUint(bars.length)];
  for (const [at, name] of digestColumns.entries()) {
    const type = types.get(name) ?? "";
    const width = type === "Int128" ? 16 : 8;
    assert.ok(type === "Int128" || type === "Int64", name);
    const cells = Buffer.alloc(width * bars.length);
    for (const [row, bar] of bars.entries()) {
      const value = bar[at] ?? 0n;
      cells.writeBigUInt64LE(BigInt.asUintN(64, value), row * width);
      if (width === 16) cells.writeBigInt64LE(BigInt.asIntN(64, value >> 64n), row * width + 8);
    }
    pieces.push(textBytes(name), textBytes(type), cells);
  }
  return Buffer.concat(pieces);
}

const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const int128 = fc.bigInt({ min: -(2n ** 127n), max: 2n ** 127n - 1n });
const anyBar = fc.tuple(...digestColumns.map((name) => (types.get(name) === "Int128" ? int128 : int64)));
const anyBars = fc.array(anyBar, { maxLength: 12 });

test("folding rows is FNV-1a over 21 integers of 16 bytes, from any digest so far", () => {
  fc.assert(
    fc.property(anyBars, fc.option(fc.bigInt({ min: 0n, max: mask }), { nil: undefined }), (bars, start) => {
      assert.deepEqual(foldDigest(blockOf(bars), start), {
        digest: referenceDigest(bars, start),
        rows: BigInt(bars.length),
      });
    }),
    { numRuns: 60 },
  );
});

test("folding in pieces is folding the whole, however it is cut, in one body or several", () => {
  fc.assert(
    fc.property(anyBars, fc.nat(), (bars, at) => {
      const cut = bars.length === 0 ? 0 : at % (bars.length + 1);
      const [a, b] = [bars.slice(0, cut), bars.slice(cut)];
      const whole = foldDigest(blockOf(bars));
      const first = foldDigest(blockOf(a));
      assert.deepEqual(foldDigest(blockOf(b), first.digest), { digest: whole.digest, rows: BigInt(b.length) });
      assert.deepEqual(foldDigest(Buffer.concat([blockOf(a), blockOf(b)])), whole);
    }),
    { numRuns: 60 },
  );
});

test("any bar changed, left out, repeated or in another place gives another digest", () => {
  const distinct = fc.uniqueArray(anyBar, { minLength: 2, maxLength: 8, selector: (bar) => bar.join() });
  fc.assert(
    fc.property(distinct, fc.nat(), fc.nat(), (bars, at, column) => {
      const i = at % bars.length;
      const digestOf = (some: readonly Bar[]): bigint => foldDigest(blockOf(some)).digest;
      const whole = digestOf(bars);
      const changed = bars.map((bar, k) =>
        k === i ? bar.map((value, c) => (c === column % bar.length ? value ^ 1n : value)) : bar,
      );
      assert.notEqual(digestOf(changed), whole);
      assert.notEqual(digestOf(bars.filter((_, k) => k !== i)), whole);
      assert.notEqual(digestOf([...bars, ...bars.slice(i, i + 1)]), whole);
      assert.notEqual(digestOf(bars.toReversed()), whole);
    }),
    { numRuns: 40 },
  );
});

test("no rows leave a digest as it is; with none so far it is that of no bars", () => {
  assert.deepEqual(foldDigest(new Uint8Array()), { digest: noBars, rows: 0n });
  assert.deepEqual(foldDigest(new Uint8Array(), mask), { digest: mask, rows: 0n });
});

let built: Bar[] = [];
let claimed = 0n;

before(async () => {
  const { block, parts } = await outputOf(jobOf(10), dayOf(linesOf(walkOf(day, 1000, 400))));
  const bars = await decoded(block);
  assert.ok(bars !== undefined && bars.rows > 20);
  built = Array.from({ length: bars.rows }, (_, row) =>
    digestColumns.map((name) => BigInt(bars.columns.get(name)?.[row] ?? 0)),
  );
  claimed = parts.at(-1)?.barsDigest ?? 0n;
});

test("what a job says of its bars is what its bars fold to", () => {
  assert.equal(foldDigest(blockOf(built)).digest, claimed);
  assert.equal(referenceDigest(built), claimed);
});

test("a body that is no Native block, or is cut, is a bug that is told, not a digest", () => {
  const good = blockOf(built);
  const isBug = (error: unknown): boolean => error instanceof Error && !(error instanceof Failure);
  for (let length = 1; length < good.length; length += 97) {
    assert.throws(() => foldDigest(good.subarray(0, length)), isBug, `${length}`);
  }
  for (const [what, text] of [
    ["a type that is none", good.toString("latin1").replace("Int128", "Int129")],
    ["a type of another width", good.toString("latin1").replace("Int128", "Int256")],
  ] as const) {
    assert.throws(() => foldDigest(Buffer.from(text, "latin1")), isBug, what);
  }
  const fewer = Buffer.from(good);
  fewer[0] = digestColumns.length - 1;
  assert.throws(() => foldDigest(fewer), isBug, "a column less");
});

test("a digest is shown as 16 hexadecimal digits", () => {
  assert.equal(formatDigest(0n), "0000000000000000");
  assert.equal(formatDigest(0xabcn), "0000000000000abc");
  assert.equal(formatDigest(mask), "ffffffffffffffff");
});

test("what the addon says of itself", () => {
  assert.ok(barVersion() >= 1);
  assert.match(addonSourcesHash(), /^[0-9a-f]{16}$/);
});

test("errors that are not the core's pass through as they are", () => {
  for (const error of [new Error("plain"), new Error("{not json"), new Error('{"code":1}'), "text", undefined]) {
    assert.equal(fromAddon(error), error);
  }
});

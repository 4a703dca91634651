import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { formatCell, formatFixed } from "../../lib/report/bar-format.ts";
import { formatBytes, formatCount, formatSeconds, textTable } from "../../lib/report/text-table.ts";
import { formatMicroseconds } from "../../lib/report/status.ts";
import { barColumns } from "../../lib/store/index.ts";

const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const int128 = fc.bigInt({ min: -(2n ** 127n), max: 2n ** 127n - 1n });

/** A decimal text as an integer of so many decimals, read without floats. */
function scaled(text: string, decimals: number): bigint {
  const [, sign = "", whole = "", fraction = ""] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text) ?? [];
  assert.notEqual(whole, "", text);
  assert.ok(fraction.length <= decimals, text);
  const value = BigInt(whole + fraction.padEnd(decimals, "0"));
  return sign === "" ? value : -value;
}

test("a fixed-point integer as text reads back as the same integer, in the shortest form", () => {
  fc.assert(
    fc.property(int128, fc.constantFrom(8, 16), (value, decimals) => {
      const text = formatFixed(value, decimals);
      assert.equal(scaled(text, decimals), value);
      assert.match(text, /^-?(0|[1-9]\d*)(\.\d*[1-9])?$/);
    }),
    {
      examples: [
        [0n, 8],
        [1n, 8],
        [-1n, 16],
        [100_000_000n, 8],
        [-(2n ** 127n), 16],
        [2n ** 63n - 1n, 8],
      ],
    },
  );
});

test("a cell's text by its column: prices, volumes, turnovers, times, counts", () => {
  const fp8 = ["open", "high", "low", "close", "vwap", "volume", "buy_volume", "sell_volume"];
  const fp16 = ["turnover", "buy_turnover", "sell_turnover"];
  const times = ["open_time", "close_time"];
  const value = 1_723_075_199_123_456n;
  for (const column of barColumns) {
    const text = formatCell(column, value);
    if (fp8.includes(column)) assert.equal(text, "17230751.99123456", column);
    else if (fp16.includes(column)) assert.equal(text, "0.1723075199123456", column);
    else if (times.includes(column)) assert.equal(text, "2024-08-07T23:59:59.123456Z", column);
    else assert.equal(text, "1723075199123456", column);
  }
  assert.deepEqual(
    [...fp8, ...fp16, ...times].filter((column) => !barColumns.some((name) => name === column)),
    [],
  );
  assert.equal(formatCell("ofi", 0.1), "0.1");
  assert.equal(formatCell("orphan_reason", "id_gap"), "id_gap");
});

test("times say every microsecond, and sort as they are", () => {
  const us = fc.bigInt({ min: 0n, max: 4_102_444_800_000_000n });
  fc.assert(
    fc.property(us, us, (a, b) => {
      const text = formatCell("close_time", a);
      assert.equal(BigInt(Date.parse(`${text.slice(0, 23)}Z`)) * 1000n + BigInt(text.slice(23, 26)), a);
      assert.equal(formatMicroseconds(a), `${text.slice(0, 10)} ${text.slice(11, -1)}`);
      assert.equal(a < b, text < formatCell("close_time", b));
    }),
  );
});

test("counts have a comma before every three digits and no digit more or less", () => {
  fc.assert(
    fc.property(int64, (value) => {
      const text = formatCount(value);
      assert.equal(text.replaceAll(",", ""), value.toString());
      assert.match(text, /^-?\d{1,3}(,\d{3})*$/);
      assert.equal(
        text.length,
        value.toString().length + Math.floor(((value < 0n ? -value : value).toString().length - 1) / 3),
      );
    }),
  );
  assert.equal(formatCount(1_234_567), "1,234,567");
  assert.equal(formatCount(999), "999");
});

test("bytes and durations in the unit that suits them", () => {
  assert.deepEqual([0, 999, 1_000, 12_345, 1_000_000, 4_560_000_000, 7e12, 7e15].map(formatBytes), [
    "0 B",
    "999 B",
    "1.0 kB",
    "12.3 kB",
    "1.0 MB",
    "4.6 GB",
    "7.0 TB",
    "7000.0 TB",
  ]);
  assert.deepEqual([0, 3.24, 59.9, 60, 65, 245, 3_599, 3_600, 7_380, 90_000].map(formatSeconds), [
    "0.0 s",
    "3.2 s",
    "59.9 s",
    "1 min 00 s",
    "1 min 05 s",
    "4 min 05 s",
    "59 min 59 s",
    "1 h 00 min",
    "2 h 03 min",
    "25 h 00 min",
  ]);
});

test("what rounds up to the next unit is said in the next unit", () => {
  assert.equal(formatBytes(999_960), "1.0 MB");
  assert.equal(formatSeconds(59.97), "1 min 00 s");
});

test("a table: columns two apart, text to the left, numbers to the right, nothing behind the last cell", () => {
  assert.deepEqual(
    textTable(
      [{ title: "name" }, { title: "n", align: "right" }, { title: "state" }],
      [
        ["a", "1,234", "built"],
        ["long name", "5", ""],
      ],
    ),
    ["name           n  state", "a          1,234  built", "long name      5"],
  );
  assert.deepEqual(textTable([{ title: "only" }], []), ["only"]);
});

test("a table's cells stand in the same places in every line, and none is cut", () => {
  const word = fc.stringMatching(/^[a-z0-9]{0,9}$/);
  const align = fc.constantFrom<readonly ("right" | undefined)[]>([undefined, "right"]).map((choices) => choices[0]);
  const table = fc
    .integer({ min: 1, max: 5 })
    .chain((width) =>
      fc.tuple(
        fc.array(fc.tuple(fc.stringMatching(/^[a-z]{1,6}$/), align), { minLength: width, maxLength: width }),
        fc.array(fc.array(word, { minLength: width, maxLength: width }), { maxLength: 6 }),
      ),
    );
  fc.assert(
    fc.property(table, ([heads, rows]) => {
      const lines = textTable(
        heads.map(([title, side]) => (side === undefined ? { title } : { title, align: side })),
        rows,
      );
      assert.equal(lines.length, rows.length + 1);
      const widths = heads.map(([title], i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)));
      for (const [index, cells] of [heads.map(([title]) => title), ...rows].entries()) {
        let at = 0;
        for (const [i, cell] of cells.entries()) {
          const slot = (lines[index] ?? "").slice(at, at + (widths[i] ?? 0));
          assert.equal(slot.trim(), cell);
          at += (widths[i] ?? 0) + 2;
        }
      }
    }),
  );
});

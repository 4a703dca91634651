import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  admitSymbol,
  effectiveStart,
  isDeclaredBetween,
  isKnownGap,
  loadRegistry,
  parseRegistry,
  type SymbolEntry,
} from "../../lib/config/index.ts";
import { lineOfKey } from "../../lib/config/toml-lines.ts";
import { addDays, daysBetween, parseDay } from "../../lib/model/day.ts";
import { ConfigurationError, RefusedError } from "../../lib/model/errors.ts";
import { temporaryFolder } from "../ops/run.ts";

const file = "/somewhere/symbols.toml";
const goodLines = [
  "schema_version = 2", // line 1
  "",
  "[symbols.BTCUSDT]", // line 3
  "enabled = true",
  'asset_class = "crypto"',
  'exchange = "binance"',
  'market = "spot"',
  "listing_date = 2017-08-17", // line 8
  "min_threshold = 250",
];
const lastLine = goodLines.length;

function refusal(lines: readonly string[]): ConfigurationError {
  try {
    parseRegistry(lines.join("\n"), file);
  } catch (error) {
    assert.ok(error instanceof ConfigurationError, String(error));
    return error;
  }
  throw new assert.AssertionError({ message: "the registry was accepted" });
}

function replaced(line: number, text: string): string[] {
  return goodLines.map((old, i) => (i === line - 1 ? text : old));
}

function entryOf(more: readonly string[]): SymbolEntry {
  const entry = parseRegistry([...goodLines, ...more].join("\n"), file).symbols.get("BTCUSDT");
  assert.ok(entry !== undefined);
  return entry;
}

test("the registry that the cases below spoil is good itself", () => {
  const entry = entryOf([]);
  assert.equal(entry.enabled, true);
  assert.equal(entry.minThreshold, 250);
  assert.deepEqual(entry.knownGaps, []);
});

const invalid: readonly (readonly [name: string, lines: readonly string[], line: number, key: string, why: RegExp])[] =
  [
    ["text for a boolean", replaced(4, 'enabled = "yes"'), 4, "symbols.BTCUSDT.enabled", /must be true or false/],
    [
      "an unknown asset class",
      replaced(5, 'asset_class = "metal"'),
      5,
      "symbols.BTCUSDT.asset_class",
      /crypto, forex, equities/,
    ],
    ["an unknown exchange", replaced(6, 'exchange = "ftx"'), 6, "symbols.BTCUSDT.exchange", /one of binance, exness/],
    [
      "an unknown market",
      replaced(7, 'market = "margin"'),
      7,
      "symbols.BTCUSDT.market",
      /spot, futures-um, futures-cm/,
    ],
    [
      "a date in quotes",
      replaced(8, 'listing_date = "2017-08-17"'),
      8,
      "symbols.BTCUSDT.listing_date",
      /without quotes/,
    ],
    [
      "a date with a time",
      replaced(8, "listing_date = 2017-08-17T10:00:00Z"),
      8,
      "symbols.BTCUSDT.listing_date",
      /without a time/,
    ],
    ["a broken threshold", replaced(9, "min_threshold = 2.5"), 9, "symbols.BTCUSDT.min_threshold", /whole number/],
    ["a threshold of 0", replaced(9, "min_threshold = 0"), 9, "symbols.BTCUSDT.min_threshold", /1 … 100000/],
    ["a threshold too large", replaced(9, "min_threshold = 100001"), 9, "symbols.BTCUSDT.min_threshold", /1 … 100000/],
    ["an unknown key", [...goodLines, "colour = 1"], lastLine + 1, "symbols.BTCUSDT.colour", /is not a key/],
    ["an unknown table", [...goodLines, "[fees]"], lastLine + 1, "fees", /is not a key/],
    [
      "a missing key, at its table",
      goodLines.filter((line) => !line.startsWith("listing_date")),
      3,
      "symbols.BTCUSDT.listing_date",
      /is missing/,
    ],
    ["a missing version", goodLines.slice(1), 1, "schema_version", /is missing/],
    ["a version of the future", replaced(1, "schema_version = 3"), 1, "schema_version", /must be 2/],
    [
      "a delisting before the listing",
      [...goodLines, "delisting_date = 2017-08-16"],
      lastLine + 1,
      "symbols.BTCUSDT.delisting_date",
      /is before listing_date/,
    ],
    [
      "an effective start before the listing",
      [...goodLines, "effective_start = 2017-08-16"],
      lastLine + 1,
      "symbols.BTCUSDT.effective_start",
      /is before listing_date/,
    ],
    [
      "a gap that ends before it starts, in its own table",
      [
        ...goodLines,
        "[[symbols.BTCUSDT.known_gaps]]",
        "start_date = 2020-01-01",
        "end_date = 2020-01-02",
        'reason = "x"',
        "[[symbols.BTCUSDT.known_gaps]]",
        "start_date = 2020-02-02",
        "end_date = 2020-02-01",
        'reason = "x"',
      ],
      lastLine + 7,
      "symbols.BTCUSDT.known_gaps.1.end_date",
      /ends before it starts/,
    ],
    [
      "a gap without a reason, inline",
      [...goodLines, "known_gaps = [{ start_date = 2020-01-01, end_date = 2020-01-02 }]"],
      lastLine + 1,
      "symbols.BTCUSDT.known_gaps.0.reason",
      /is missing/,
    ],
    ["a name in small letters", replaced(3, "[symbols.btcusdt]"), 3, "symbols.btcusdt", /not a symbol's name/],
    [
      "a transition of an unknown status",
      [
        ...goodLines,
        "[transitions.MATIC]",
        'old_symbol = "MATICUSDT"',
        'new_symbol = "POLUSDT"',
        "last_date = 2024-09-10",
        "first_date = 2024-09-13",
        "gap_days = 2",
        'reason = "renamed"',
        'status = "perhaps"',
      ],
      lastLine + 8,
      "transitions.MATIC.status",
      /one of active, archived/,
    ],
  ];
for (const [name, lines, line, key, why] of invalid) {
  test(`${name}: told with file, line and key`, () => {
    const error = refusal(lines);
    assert.equal(error.code, "REGISTRY_INVALID");
    const [first = "", ...rest] = error.message.split("\n");
    assert.deepEqual(rest, [], "one problem, one line");
    assert.ok(first.startsWith(`${file}:${line}: ${key} `), first);
    assert.match(first, why);
    assert.ok(error.hint !== undefined && error.hint !== "");
  });
}

test("every problem is told at once, in the order of the lines", () => {
  const error = refusal([...replaced(8, "listing_date = 5"), "colour = 1"].map((l) => l.replace("true", "1")));
  const lines = error.message.split("\n").map((text) => Number(/:(\d+): /.exec(text)?.[1]));
  assert.deepEqual(lines, [4, 8, lastLine + 1]);
});

for (const [name, lines, place] of [
  ["an unfinished text", replaced(6, 'exchange = "binance'), "6:"],
  ["a date that is none", replaced(8, "listing_date = 2017-02-30"), "8:"],
  ["the same symbol twice", [...goodLines, "[symbols.BTCUSDT]"], `${lastLine + 1}:`],
  ["the same key twice", [...goodLines, "enabled = false"], `${lastLine + 1}:`],
] as const) {
  test(`${name} is no TOML: told with file, line and column`, () => {
    const error = refusal(lines);
    assert.equal(error.code, "REGISTRY_SYNTAX");
    assert.ok(error.subject?.startsWith(`${file}:${place}`), error.subject);
    assert.match(error.subject ?? "", /:\d+$/);
    assert.ok(!error.message.includes("\n"), "one line");
  });
}

test("a file that is not there is named, and the setting that names another", () => {
  const path = join(temporaryFolder("registry"), "none.toml");
  assert.throws(
    () => loadRegistry(path),
    (error: unknown) => {
      assert.ok(error instanceof ConfigurationError);
      assert.equal(error.code, "REGISTRY_UNREADABLE");
      assert.equal(error.subject, path);
      assert.match(error.hint ?? "", /--symbols/);
      return true;
    },
  );
  writeFileSync(path, goodLines.join("\n"));
  assert.deepEqual([...loadRegistry(path).symbols.keys()], ["BTCUSDT"]);
});

test("an edit takes effect at the next read: nothing is kept between reads", () => {
  const path = join(temporaryFolder("registry"), "symbols.toml");
  writeFileSync(path, goodLines.join("\n"));
  assert.equal(loadRegistry(path).symbols.get("BTCUSDT")?.minThreshold, 250);
  writeFileSync(path, replaced(9, "min_threshold = 300").join("\n"));
  assert.equal(loadRegistry(path).symbols.get("BTCUSDT")?.minThreshold, 300);
});

test("the effective start is its own key, else the listing", () => {
  assert.equal(effectiveStart(entryOf([])), "2017-08-17");
  assert.equal(effectiveStart(entryOf(["effective_start = 2018-01-16"])), "2018-01-16");
  assert.equal(effectiveStart(entryOf(["effective_start = 2017-08-17"])), "2017-08-17");
});

test("known gaps hold their first and last day, and no day beside them", () => {
  const entry = entryOf(['known_gaps = [{ start_date = 2020-02-28, end_date = 2020-03-01, reason = "x" }]']);
  const days = ["2020-02-27", "2020-02-28", "2020-02-29", "2020-03-01", "2020-03-02"].map(parseDay);
  assert.deepEqual(
    days.map((day) => isKnownGap(entry, day)),
    [false, true, true, true, false],
  );
  assert.equal(isKnownGap(undefined, parseDay("2020-02-28")), false);
});

test("gaps explain ids that are missing between two days where they hold every day between, or touch neighbours", () => {
  const start = parseDay("2020-01-01");
  const offset = fc.integer({ min: 0, max: 40 });
  const pair = fc.tuple(offset, offset).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const);
  fc.assert(
    fc.property(pair, pair, ([gapFrom, gapTo], [before, after]) => {
      const entry = entryOf([
        `known_gaps = [{ start_date = ${addDays(start, gapFrom)}, end_date = ${addDays(start, gapTo)}, reason = "x" }]`,
      ]);
      const between = Array.from({ length: Math.max(0, after - before - 1) }, (_, i) => before + 1 + i);
      const expected =
        between.length > 0
          ? between.every((day) => gapFrom <= day && day <= gapTo)
          : [before, after].some((day) => gapFrom <= day && day <= gapTo);
      assert.equal(isDeclaredBetween(entry, addDays(start, before), addDays(start, after)), expected);
    }),
  );
});

test("the gate: strict refuses, warn tells, off is silent", () => {
  const registry = parseRegistry(replaced(4, "enabled = false").join("\n"), file);
  const notes: string[] = [];
  const note = (line: string): void => void notes.push(line);
  assert.throws(
    () => admitSymbol(registry, "BTCUSDT", "strict", note),
    (error: unknown) => error instanceof RefusedError && error.code === "SYMBOL_DISABLED",
  );
  assert.throws(
    () => admitSymbol(registry, "NOPE", "strict", note),
    (error: unknown) =>
      error instanceof ConfigurationError &&
      error.code === "UNKNOWN_SYMBOL" &&
      error.hint?.includes("it has BTCUSDT") === true,
  );
  assert.deepEqual(notes, []);
  assert.equal(admitSymbol(registry, "NOPE", "off", note), undefined);
  assert.equal(admitSymbol(registry, "BTCUSDT", "off", note)?.enabled, false);
  assert.deepEqual(notes, []);
  assert.equal(admitSymbol(registry, "NOPE", "warn", note), undefined);
  assert.equal(admitSymbol(registry, "BTCUSDT", "warn", note)?.enabled, false);
  assert.equal(notes.length, 2);
  assert.match(notes[0] ?? "", /NOPE is not in the registry.*\/somewhere\/symbols.toml/);
  assert.match(notes[1] ?? "", /BTCUSDT is disabled/);
});

test("a key's line is found whatever stands around it", () => {
  const name = fc.stringMatching(/^[A-Z0-9_]{1,8}$/);
  fc.assert(
    fc.property(
      fc.uniqueArray(name, { minLength: 1, maxLength: 12 }),
      fc.array(fc.constantFrom("", "# [symbols.X]", "  ", '# enabled = "x"'), { maxLength: 3 }),
      fc.nat(),
      (names, filler, pick) => {
        const lines: string[] = [];
        const expected = new Map<string, number>();
        for (const one of names) {
          lines.push(...filler, `[symbols.${one}]`, "enabled = true");
          expected.set(one, lines.length);
        }
        const wanted = names[pick % names.length] ?? "";
        assert.equal(lineOfKey(lines.join("\n"), ["symbols", wanted, "enabled"]), expected.get(wanted));
        assert.equal(
          lineOfKey(lines.join("\n"), ["symbols", wanted, "absent"]),
          Number(expected.get(wanted)) - 1,
          "an absent key has its table's line",
        );
      },
    ),
  );
});

test("days between two days count back to the same day", () => {
  const day = fc.integer({ min: -20_000, max: 20_000 }).map((n) => addDays(parseDay("2000-02-29"), n));
  fc.assert(fc.property(day, day, (a, b) => assert.equal(addDays(a, daysBetween(a, b)), b)));
});

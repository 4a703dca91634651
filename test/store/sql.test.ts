import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import * as fc from "fast-check";
import { z } from "zod";
import { sqlInteger, sqlName, sqlString } from "../../lib/store/sql/literal.ts";
import { formatClause, isMultiStatement, parseInsert, scan, statementKind } from "../../lib/store/sql/scan.ts";
import { openStore, type Store } from "../../lib/store/store.ts";
import { temporaryFolder } from "../ops/run.ts";
import { ServedStoreProcess } from "../rig/serve.ts";
import { openBare } from "./bare-store.ts";

let store: Store;

before(async () => {
  store = await openBare(join(temporaryFolder("sql"), "state"));
});
after(async () => {
  await store.close();
});

const hexRow = z.object({ bytes: z.string() });

/** Texts of all kinds: every code point, and the characters that mean something to a lexer, close together. */
const anyText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.string({
    unit: fc.constantFrom(...("'\\\"`\0\n\r\t\b\f\v\x1a;$-/*#%_{}()’“ \u{1f600}é\u2028aN0x".match(/./gsu) ?? [])),
    maxLength: 24,
  }),
);

async function bytesIn(where: Store, texts: readonly string[]): Promise<string[]> {
  const literals = texts.map((text) => `hex(${sqlString(text)})`);
  const rows = await where.rows(`SELECT arrayJoin([${literals.join(", ")}]) AS bytes`, hexRow);
  return rows.map((row) => row.bytes);
}

const hexOf = (text: string): string => Buffer.from(text).toString("hex").toUpperCase();
const someTexts = fc.array(anyText, { minLength: 1, maxLength: 20 });

test("a text literal reaches the engine byte for byte, whatever is in it", async () => {
  await fc.assert(
    fc.asyncProperty(someTexts, async (texts) => {
      assert.deepEqual(await bytesIn(store, texts), texts.map(hexOf));
    }),
    { numRuns: 150 },
  );
});

test("a text literal is one string to the scanner and ends no statement", () => {
  fc.assert(
    fc.property(anyText, anyText, (a, b) => {
      const sql = `SELECT ${sqlString(a)}, ${sqlString(b)} FORMAT Native`;
      assert.deepEqual(
        [...scan(sql)].map((token) => token.text),
        ["SELECT", sqlString(a), ",", sqlString(b), "FORMAT", "Native"],
      );
      assert.equal(isMultiStatement(sql), false);
      assert.equal(formatClause(sql), "Native");
    }),
    { numRuns: 1000 },
  );
});

test("a text literal stands in an INSERT's SELECT, a condition and a comment as a text", async () => {
  await store.command("CREATE TABLE default.texts (id UInt32, text String) ENGINE = MergeTree ORDER BY id");
  let id = 0;
  await fc.assert(
    fc.asyncProperty(someTexts, async (texts) => {
      const first = id;
      id += texts.length;
      await store.insertRows(
        "default.texts",
        texts.map((text, i) => ({ id: first + i, text })),
      );
      for (const [i, text] of texts.entries()) {
        const found = await store.rows(
          `SELECT hex(text) AS bytes FROM default.texts WHERE id = ${sqlInteger(first + i)} AND text = ${sqlString(text)}`,
          hexRow,
        );
        assert.deepEqual(found, [{ bytes: hexOf(text) }]);
      }
    }),
    { numRuns: 10 },
  );
});

test("the same through a served store", async () => {
  await using served = await ServedStoreProcess.start(join(temporaryFolder("sql-served"), "state"));
  const { url, user, password } = served;
  const there = await openStore({ stateDirectory: "unused", url, user, password });
  try {
    await fc.assert(
      fc.asyncProperty(someTexts, async (texts) => {
        assert.deepEqual(await bytesIn(there, texts), texts.map(hexOf));
      }),
      { numRuns: 40 },
    );
  } finally {
    await there.close();
  }
});

test("whole numbers are exact at any width; others are refused", async () => {
  const textRow = z.object({ value: z.string() });
  await fc.assert(
    fc.asyncProperty(fc.bigInt({ min: -(2n ** 127n), max: 2n ** 127n - 1n }), async (value) => {
      const [row] = await store.rows(`SELECT toString(toInt128('${sqlInteger(value)}')) AS value`, textRow);
      assert.equal(row?.value, value.toString());
    }),
    { numRuns: 30 },
  );
  for (const edge of [-(2n ** 63n) + 1n, 2n ** 63n - 1n, 2n ** 64n - 1n, 0n]) {
    const [row] = await store.rows(`SELECT toString(${sqlInteger(edge)}) AS value`, textRow);
    assert.equal(row?.value, edge.toString());
  }
  assert.equal(sqlInteger(Number.MAX_SAFE_INTEGER), "9007199254740991");
  for (const wrong of [0.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY, -1e300]) {
    assert.throws(() => sqlInteger(wrong), RangeError, String(wrong));
  }
});

test("names are plain or refused", async () => {
  for (const word of ["select", "FROM", "format", "_a1"]) {
    const [row] = await store.rows(`SELECT 'x' AS ${sqlName(word)}`, z.record(z.string(), z.string()));
    assert.deepEqual(row, { [word]: "x" });
  }
  fc.assert(
    fc.property(anyText, (text) => {
      fc.pre(!/^[A-Za-z_][A-Za-z0-9_]*$/.test(text));
      assert.throws(() => sqlName(text), RangeError);
    }),
  );
});

const tokenRow = z.object({
  tokens: z.array(z.object({ begin: z.coerce.number(), end: z.coerce.number(), type: z.string() })),
});

/** What the engine's own lexer makes of a text, without comments and blanks. */
async function engineTokens(sql: string): Promise<{ text: string; type: string }[]> {
  const bytes = Buffer.from(sql);
  const [row] = await store.rows(`SELECT tokens FROM (SELECT tokenizeQuery(${sqlString(sql)}) AS tokens)`, tokenRow);
  return (row?.tokens ?? [])
    .filter(({ type }) => type !== "Whitespace" && type !== "Comment")
    .map(({ begin, end, type }) => ({ text: bytes.toString("utf8", begin, end), type }));
}

/** A statement goes on behind this one, as the engine sees it. */
function goesOn(tokens: readonly { type: string }[]): boolean {
  const end = tokens.findIndex(({ type }) => type === "Semicolon");
  return end >= 0 && tokens.slice(end).some(({ type }) => type !== "Semicolon");
}

/** Where a text has such a thing at all, the engine and we must cut out the same. */
const hiding = new Set(["StringLiteral", "QuotedIdentifier", "HereDoc", "Semicolon"]);

async function assertSameTokens(sql: string): Promise<void> {
  const theirs = await engineTokens(sql);
  const expected = theirs.filter(({ type }) => hiding.has(type)).map(({ text }) => text);
  const ours = [...scan(sql)].map(({ text }) => text).filter((text) => /^(['`";‘“]|\$\w*\$[\s\S]*\$)/.test(text));
  assert.deepEqual(ours, expected, JSON.stringify(sql));
  assert.equal(isMultiStatement(sql), goesOn(theirs), JSON.stringify(sql));
}

const inner = fc
  .array(
    fc.constantFrom("FORMAT", "SELECT", ";", "--", "# ", "$", "(", ")", "é", " ", "a", "\u{1f600}", "#", "*", "VALUES"),
    {
      maxLength: 6,
    },
  )
  .map((words) => words.join(""));
const fragment = fc.oneof(
  inner.map((text) => `'${text}\\''''`),
  inner.map((text) => `\`${text}\\\`\`\`\``),
  inner.map((text) => `"${text}\\""""`),
  inner.map((text) => `$t$${text.replaceAll("$", "")}'$t$`),
  inner.map((text) => `$$${text.replaceAll("$", "")}"$$`),
  inner.map((text) => `-- ${text}' " \`\n`),
  inner.map((text) => `# ${text}' "\n`),
  inner.map((text) => `#!${text}' \`\n`),
  inner.map((text) => `/* ${text.replaceAll("*", "")} ' " ; \n*/`),
  fc.constantFrom(
    "SELECT",
    "1",
    "1.5e3",
    "a$b",
    "x.y",
    ",",
    "(",
    ")",
    "=",
    "-",
    "/",
    "::",
    "[",
    "]",
    "->",
    ";",
    "?",
    "{a:Int8}",
  ),
);
const blank = fc.constantFrom(" ", "\n", "\t ", "\r\n", "\f");
const statement = fc
  .array(fc.tuple(fragment, blank), { maxLength: 12 })
  .map((pairs) => pairs.map(([text, space]) => text + space).join(""));

test("strings, quoted names, heredocs and comments end where the engine's own lexer ends them", async () => {
  await fc.assert(fc.asyncProperty(statement, assertSameTokens), { numRuns: 600 });
});

test("a statement that is cut in a string or comment is one open token", async () => {
  for (const text of ["'a;b", '"a;b', "`a;b", "/* a;b", "-- a;b", "'a\\'", "'a''"]) {
    assert.equal(isMultiStatement(`SELECT ${text}`), false, text);
  }
});

for (const [what, sql] of [
  ["a dollar word that opens no heredoc", "SELECT 1 AS $a$; SELECT 2"],
  ["a comment in a comment", "SELECT /* /* */ ' */ 1; SELECT 2 -- '"],
  ["a comment of two slashes", "SELECT 1 // it's\n; SELECT 2 -- '"],
  ["typographic quotes", "SELECT ‘;’, “;”"],
  ["an apostrophe in typographic quotes", "SELECT ‘it's’; SELECT 2 -- '"],
] as const) {
  test(`as the engine sees it: ${what}`, async () => {
    await assertSameTokens(sql);
  });
}

test("more than one statement is seen, and what only looks so is not", () => {
  for (const sql of ["SELECT 1; SELECT 2", "SELECT 1;;x", "; SELECT 1", "SELECT ';'; SELECT 1", "SELECT 1;/* */ x"]) {
    assert.equal(isMultiStatement(sql), true, sql);
  }
  for (const sql of [
    "",
    ";",
    "SELECT 1;",
    "SELECT 1;;",
    "SELECT 1; -- SELECT 2",
    "SELECT ';x'",
    "SELECT 1 /* ; x */ ",
  ]) {
    assert.equal(isMultiStatement(sql), false, sql);
  }
});

test("a statement's kind is its first word, behind comments and parentheses", () => {
  assert.equal(statementKind("  -- INSERT\n /* DROP */ select 1"), "SELECT");
  assert.equal(statementKind("(SELECT 1) UNION ALL (SELECT 2)"), "SELECT");
  assert.equal(statementKind("WITH 1 AS a SELECT a"), "WITH");
  assert.equal(statementKind(" # x\n"), "");
});

test("the FORMAT clause is the statement's own", () => {
  for (const [sql, format] of [
    ["SELECT 1 FORMAT JSON", "JSON"],
    ["SELECT 1 format\n /* Native */ CSV SETTINGS max_threads = 1;", "CSV"],
    ["SELECT 'FORMAT JSON'", undefined],
    ["SELECT 1 -- FORMAT JSON", undefined],
    ["SELECT * FROM (SELECT 1 FORMAT JSON) FORMAT Native", "Native"],
    ["SELECT `FORMAT` FROM t", undefined],
    ["SELECT $x$ FORMAT JSON $x$", undefined],
    ["SELECT format('{}', 'a') FORMAT TSV", "TSV"],
    ["SELECT t.format, 1 FROM t", undefined],
  ] as const) {
    assert.equal(formatClause(sql), format, sql);
  }
});

test("a column that is called format is no FORMAT clause", () => {
  for (const sql of [
    "SELECT format FROM t",
    "SELECT name AS format FROM t ORDER BY format DESC",
    "SELECT 1 AS format WHERE 1",
  ]) {
    assert.equal(formatClause(sql), undefined, sql);
  }
});

const bodyName = fc.constantFrom("`FORMAT`", '"values"', "a", "`SETTINGS`", "`a;b`", "`SELECT`");
const insertParts = fc.record({
  verb: fc.constantFrom("INSERT INTO", "insert into TABLE", "INSERT  /* FORMAT x */  INTO", "-- VALUES\nINSERT INTO"),
  table: fc.constantFrom("t", "db.t", "`FORMAT`", "db.`VALUES`", '"a;b".t'),
  columns: fc.option(fc.array(bodyName, { minLength: 1, maxLength: 4 }).map((names) => `(${names.join(", ")})`)),
  settings: fc.option(
    fc.constantFrom(
      "async_insert = 0",
      "a = 1, b = 'FORMAT x'",
      "format_csv_delimiter = ';' /* VALUES */",
      "x = 'SELECT'",
    ),
  ),
  format: fc.constantFrom("CSV", "Native", "JSONEachRow", "Values"),
  rows: anyText,
});

test("an INSERT with rows comes apart at its own FORMAT or VALUES, whatever names, settings and rows hold", () => {
  fc.assert(
    fc.property(insertParts, ({ verb, table, columns, settings, format, rows }) => {
      const target = `${verb} ${table} ${columns ?? ""} `;
      const before = `${target}${settings === null ? "" : `SETTINGS ${settings} `}`;
      const head = `${before}${format === "Values" ? "VALUES" : `FORMAT ${format}`}`;
      assert.deepEqual(parseInsert(`${head} ${rows}`), { target, settings: settings ?? "", format, end: head.length });
    }),
    { numRuns: 500 },
  );
});

test("what is no INSERT with rows is left to the engine", () => {
  for (const sql of [
    "",
    "SELECT 1 FORMAT CSV",
    "INSERT INTO t SELECT 1",
    "INSERT INTO t (a) SELECT a FROM values('a UInt8', 1)",
    "INSERT INTO t WITH 1 AS a SELECT a",
    "INSERT INTO t FROM INFILE 'x' FORMAT CSV",
    "INSERT INTO t",
    "CREATE TABLE t (a Int8) -- INSERT INTO t VALUES",
  ]) {
    assert.equal(parseInsert(sql), undefined, sql);
  }
});

test("an INSERT with settings in front of its SELECT has no rows", () => {
  for (const sql of [
    "INSERT INTO t SETTINGS max_threads = 1 SELECT * FROM values('x UInt8', 1)",
    "INSERT INTO t SETTINGS max_threads = 1 SELECT x FROM s FORMAT Null",
  ]) {
    assert.equal(parseInsert(sql), undefined, sql);
  }
});

test("the embedded engine takes an INSERT whose columns are named like its keywords", async () => {
  await store.command('CREATE TABLE default.odd (`FORMAT` String, "values" String, `a;b` String) ENGINE = Memory');
  await store.insertRows('default.odd (`FORMAT`, "values", `a;b`)', [{ FORMAT: "1", values: "2\n\n3", "a;b": "'" }]);
  const rows = await store.rows("SELECT * FROM default.odd", z.record(z.string(), z.string()));
  assert.deepEqual(rows, [{ FORMAT: "1", values: "2\n\n3", "a;b": "'" }]);
});

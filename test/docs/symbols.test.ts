import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { parseRegistry, thresholdFloor } from "../../lib/config/index.ts";
import { registrySchema } from "../../lib/config/registry-schema.ts";
import { read } from "./pages.ts";

const page = read("docs/symbols.md");

interface ObjectSchema {
  readonly properties: Readonly<Record<string, unknown>>;
  readonly required: readonly string[];
}

const objectSchema = z.object({
  properties: z.record(z.string(), z.unknown()),
  required: z.array(z.string()).default([]),
});

/** The registry's schema as written in the file, down a path of properties; `*` is any name or item. */
function schemaAt(...path: readonly string[]): ObjectSchema {
  let schema: unknown = z.toJSONSchema(registrySchema, { io: "input", unrepresentable: "any" });
  const inner = z.object({ properties: z.record(z.string(), z.unknown()).default({}) }).loose();
  for (const step of path) {
    const { properties, ...rest } = inner.parse(schema);
    schema = step === "*" ? (rest["additionalProperties"] ?? rest["items"]) : properties[step];
  }
  return objectSchema.parse(schema);
}

/** The table under a heading: key → is it required? */
function documented(heading: string): Map<string, boolean> {
  const section = page.split(`\n## ${heading}\n`)[1]?.split("\n## ")[0] ?? "";
  const rows = [...section.matchAll(/^\| `([a-z_]+)` \| [^|]+ \| (yes|no) \|/gm)];
  return new Map(rows.map(([, key = "", required]) => [key, required === "yes"]));
}

for (const [heading, ...path] of [
  ["Keys of a symbol", "symbols", "*"],
  ["Keys of a known gap", "symbols", "*", "known_gaps", "*"],
  ["Keys of a transition", "transitions", "*"],
] as const) {
  test(`${heading}: the page has those of the schema, and says which are required`, () => {
    const { properties, required } = schemaAt(...path);
    const inCode = new Map(Object.keys(properties).map((key) => [key, required.includes(key)]));
    assert.deepEqual(documented(heading), inCode);
  });
}

const minimal = /```toml\n([^]*?)```/.exec(page)?.[1] ?? "";

test("the least that is valid is valid, and without any of its lines it is not", () => {
  assert.equal(parseRegistry(minimal, "minimal").symbols.size, 1);
  const lines = minimal.split("\n");
  for (const [i, line] of lines.entries()) {
    if (line.includes(" = ")) assert.throws(() => parseRegistry(lines.toSpliced(i, 1).join("\n"), "minimal"), line);
  }
});

test("the floors' order and numbers are those of the page", () => {
  const withFloor = parseRegistry(`${minimal}min_threshold = 750\n`, "floors").symbols.get("BTCUSDT");
  const without = parseRegistry(minimal, "floors").symbols.get("BTCUSDT");
  const own = { RANGEBAR_MIN_THRESHOLD_BTCUSDT: "10" };
  const ofClass = { RANGEBAR_CRYPTO_MIN_THRESHOLD: "300" };
  const floor = (entry: typeof without, env: Record<string, string>): number =>
    thresholdFloor(entry, "BTCUSDT", env).floor;
  assert.equal(floor(withFloor, { ...own, ...ofClass }), 10);
  assert.equal(floor(withFloor, ofClass), 750);
  assert.equal(floor(without, ofClass), 300);
  const builtIn = /built-in floor: crypto (\d+), forex (\d+), equities (\d+), unknown (\d+)/.exec(page)?.slice(1);
  const classes = ["crypto", "forex", "equities"].map((name) =>
    parseRegistry(minimal.replace('"crypto"', `"${name}"`), "floors").symbols.get("BTCUSDT"),
  );
  assert.deepEqual(
    builtIn,
    [...classes, undefined].map((entry) => String(floor(entry, {}))),
  );
});

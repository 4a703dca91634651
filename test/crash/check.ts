/**
 * The check behind a kill, in one process that opens the store once. Prints the violations as a JSON list.
 *
 *   check.ts --state DIR --symbols FILE --record DIR     keeps what an uninterrupted run made
 *   check.ts --state DIR --symbols FILE --expected DIR   compares with it, byte by byte
 *   … --prefix                                           the work has not ended: what shows is the beginning of it
 *   … --before DIR                                       the same of work that replaces: each series shows as it was, or as it will be
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Writable } from "node:stream";
import { parseArgs } from "node:util";
import { z } from "zod";
import { loadRegistry } from "../../lib/config/index.ts";
import { readSeries, type ExportRequest } from "../../lib/datasets/range/export.ts";
import { verifyStored } from "../../lib/datasets/range/verify.ts";
import { parseSeriesId, type SeriesId } from "../../lib/model/series.ts";
import { writeText } from "../../lib/report/export-bars.ts";
import { listSeries, openStore, type Store } from "../../lib/store/index.ts";
import { pinnedBars, pinPublished, type PinnedSegment } from "../../lib/store/snapshot.ts";

const { values } = parseArgs({
  options: {
    state: { type: "string" },
    symbols: { type: "string" },
    record: { type: "string" },
    expected: { type: "string" },
    prefix: { type: "boolean", default: false },
    before: { type: "string" },
  },
});
const { state, symbols, record, expected, prefix, before } = values;
/** Is the work to be found at its end? */
const isEnd = !prefix && before === undefined;
if (state === undefined || symbols === undefined) throw new Error("give --state and --symbols");

/** Everything of a series as text. @param incomplete the forming bar too */
async function textOf(store: Store, series: SeriesId, incomplete: boolean): Promise<string> {
  const request: ExportRequest = {
    series,
    from: undefined,
    to: undefined,
    columns: "all",
    orphans: true,
    incomplete,
  };
  const chunks: Buffer[] = [];
  const out = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      chunks.push(chunk);
      done();
    },
  });
  const never = new AbortController().signal;
  await writeText(store, request, await readSeries(store, request), "csv", true, out, never);
  return Buffer.concat(chunks).toString("utf8");
}

/** What coverage says of a segment, whatever commits it was made in. */
function amountsOf({ series, segment, parts }: PinnedSegment): Record<string, string> {
  const sum = (amount: (part: (typeof parts)[number]) => bigint): string =>
    parts.reduce((total, part) => total + amount(part), 0n).toString();
  const last = parts.reduce((best, part) => (part.throughId >= best.throughId ? part : best), parts[0]);
  return {
    unit: `${series}:${segment}`,
    fromId: parts[0].fromId.toString(),
    throughId: last.throughId.toString(),
    day: last.day,
    records: sum((part) => part.records),
    fills: sum((part) => part.fills),
    volume: sum((part) => part.volume),
    turnover: sum((part) => part.turnover),
    bars: sum((part) => part.bars),
    orphans: sum((part) => part.orphans),
    barsDigest: parts.at(-1)?.barsDigest.toString() ?? "",
  };
}

const tableRow = z.object({ name: z.string(), sql: z.string() });
const versionRow = z.object({ version: z.number(), times: z.coerce.number() });

/** Tables, views and the versions on record, each once. */
async function schemaOf(store: Store): Promise<string> {
  const tables = await store.rows(
    "SELECT name, create_table_query AS sql FROM system.tables WHERE database = 'barkeep' ORDER BY name",
    tableRow,
  );
  const versions = await store.rows(
    "SELECT version, count() AS times FROM barkeep.schema_migrations GROUP BY version ORDER BY version",
    versionRow,
  );
  return `${JSON.stringify({ tables, versions }, undefined, 1)}\n`;
}

const duplicateRow = z.object({ series: z.string(), rows: z.coerce.number(), keys: z.coerce.number() });
const countRow = z.object({ rows: z.coerce.number() });

/** No bar shows twice, and the view shows what the chain of the published build holds. */
async function lookAtRows(store: Store, pinned: readonly PinnedSegment[]): Promise<string[]> {
  const doubled = await store.rows(
    `SELECT series, count() AS rows, uniqExact(segment, first_agg_trade_id) AS keys FROM barkeep.bars_published
GROUP BY series HAVING rows != keys`,
    duplicateRow,
  );
  const found = doubled.map(({ series, rows, keys }) => `${series}: ${rows} bars show, with ${keys} keys`);
  for (const one of pinned) {
    const [held] = await store.rows(`SELECT count() AS rows FROM ${pinnedBars(one)}`, countRow);
    const committed = one.parts.reduce((sum, part) => sum + part.bars + part.orphans, 0n);
    if (BigInt(held?.rows ?? 0) === committed) continue;
    found.push(`${one.series}:${one.segment}: ${held?.rows} bars in the chain, ${committed} committed`);
  }
  return found;
}

function compareText(series: SeriesId, text: string): string[] {
  const file = join(expected ?? "", fileName(series));
  if (!existsSync(file)) return [`${series}: the uninterrupted run has no such series`];
  const whole = readFileSync(file, "utf8");
  if (prefix ? whole.startsWith(text) : whole === text) return [];
  if (before !== undefined && readFileSync(join(before, fileName(series)), "utf8") === text) return [];
  const [lines, wanted] = [text.split("\n"), whole.split("\n")];
  const at = lines.findIndex((line, i) => line !== wanted[i]);
  return [
    `${series}: the export differs from the uninterrupted run's, first in line ${at + 1} of ${wanted.length - 1}`,
  ];
}

function fileName(series: string): string {
  return `${series.replaceAll(/[:/]/g, "_")}.csv`;
}

function leftovers(folder: string): string[] {
  const spool = join(folder, "spool");
  const spooled = existsSync(spool) ? readdirSync(spool).map((name) => `spool/${name}`) : [];
  const owner = existsSync(join(folder, "owner.json")) ? ["owner.json"] : [];
  return [...spooled, ...owner].map((name) => `${name} is left behind by an owner that ended well`);
}

const violations: string[] = [];
const registry = loadRegistry(symbols);
const store = await openStore({ stateDirectory: state });
try {
  const all = await listSeries(store);
  const pinned = await pinPublished(store);
  violations.push(...(await lookAtRows(store, pinned)));
  const amounts = `${JSON.stringify(pinned.map(amountsOf), undefined, 1)}\n`;
  const schema = await schemaOf(store);
  if (record !== undefined) {
    mkdirSync(record, { recursive: true });
    writeFileSync(join(record, "amounts.json"), amounts);
    writeFileSync(join(record, "schema.json"), schema);
  }
  for (const series of all) {
    const { findings } = await verifyStored(store, series, registry.symbols.get(parseSeriesId(series).symbol), {
      signal: new AbortController().signal,
    });
    violations.push(...findings.map(({ code, text }) => `${series}: ${code}: ${text}`));
    const text = await textOf(store, series, !prefix);
    if (record !== undefined) writeFileSync(join(record, fileName(series)), text);
    if (expected !== undefined) violations.push(...compareText(series, text));
  }
  if (expected !== undefined && readFileSync(join(expected, "schema.json"), "utf8") !== schema) {
    violations.push(`the schema is another one: ${schema}`);
  }
  if (expected !== undefined && isEnd) {
    if (readFileSync(join(expected, "amounts.json"), "utf8") !== amounts) {
      violations.push(`coverage comes to something else than the uninterrupted run's: ${amounts}`);
    }
    const wanted = readdirSync(expected).filter((name) => name.endsWith(".csv")).length;
    if (wanted !== all.length) violations.push(`${all.length} series instead of ${wanted}`);
  }
} finally {
  await store.close();
}
if (isEnd) violations.push(...leftovers(state));
process.stdout.write(`${JSON.stringify(violations)}\n`);
// The engine's threads have nothing more to say.
process.exit(0);

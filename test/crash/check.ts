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
import { loadRegistry } from "../../lib/config/index.ts";
import { readSeries, type ExportRequest } from "../../lib/datasets/range/export.ts";
import { verifyStored } from "../../lib/datasets/range/verify.ts";
import { Failure } from "../../lib/model/errors.ts";
import { parseSeriesId, type SeriesId } from "../../lib/model/series.ts";
import { writeText } from "../../lib/report/export-bars.ts";
import { listSeries, openStore, pinPublished, type Store } from "../../lib/store/index.ts";
import { amountsOf, leftovers, lookAtLedger, lookAtRows, schemaOf } from "./looks.ts";

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

const { signal } = new AbortController();
const amountsFile = "amounts.json";
const schemaFile = "schema.json";
const barsFile = (series: string): string => `${series.replaceAll(/[:/]/g, "_")}.csv`;
const read = (folder: string, name: string): string => readFileSync(join(folder, name), "utf8");

/** Everything of a series as text; the forming bar too, unless more may follow. */
async function textOf(store: Store, series: SeriesId): Promise<string> {
  const whole = { from: undefined, to: undefined, columns: "all", orphans: true, incomplete: !prefix } as const;
  const request: ExportRequest = { series, ...whole };
  const chunks: Buffer[] = [];
  const out = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      chunks.push(chunk);
      done();
    },
  });
  await writeText(store, request, await readSeries(store, request), "csv", true, out, signal);
  return Buffer.concat(chunks).toString("utf8");
}

function compareText(folder: string, series: SeriesId, text: string): string[] {
  if (!existsSync(join(folder, barsFile(series)))) return [`${series}: the uninterrupted run has no such series`];
  const whole = read(folder, barsFile(series));
  if (prefix ? whole.startsWith(text) : whole === text) return [];
  if (before !== undefined && read(before, barsFile(series)) === text) return [];
  const [lines, wanted] = [text.split("\n"), whole.split("\n")];
  const at = lines.findIndex((line, i) => line !== wanted[i]);
  return [`${series}: the export differs from the uninterrupted run's, first in line ${at + 1} of ${wanted.length}`];
}

function compareWhole(folder: string, amounts: string, seriesCount: number): string[] {
  const wanted = readdirSync(folder).filter((name) => name.endsWith(".csv")).length;
  return [
    ...(read(folder, amountsFile) === amounts ? [] : [`coverage comes to something else: ${amounts}`]),
    ...(wanted === seriesCount ? [] : [`${seriesCount} series instead of ${wanted}`]),
  ];
}

const violations: string[] = [];
const registry = loadRegistry(symbols);
const store = await openStore({ stateDirectory: state });
try {
  const all = await listSeries(store);
  const pinned = await pinPublished(store);
  violations.push(...(await lookAtRows(store, pinned)), ...(await lookAtLedger(state, store, isEnd, signal)));
  const amounts = `${JSON.stringify(pinned.map(amountsOf), undefined, 1)}\n`;
  const schema = await schemaOf(store);
  if (record !== undefined) {
    mkdirSync(record, { recursive: true });
    writeFileSync(join(record, amountsFile), amounts);
    writeFileSync(join(record, schemaFile), schema);
  }
  if (expected !== undefined && read(expected, schemaFile) !== schema) {
    violations.push(`the schema is another one: ${schema}`);
  }
  for (const series of all) {
    const entry = registry.symbols.get(parseSeriesId(series).symbol);
    const { findings } = await verifyStored(store, series, entry, { signal });
    violations.push(...findings.map(({ code, text }) => `${series}: ${code}: ${text}`));
    const text = await textOf(store, series).catch((error: unknown) => {
      // The export says itself that it is not whole.
      if (!(error instanceof Failure)) throw error;
      violations.push(`${series}: ${error.code}: ${error.message}`);
      return "";
    });
    if (record !== undefined) writeFileSync(join(record, barsFile(series)), text);
    if (expected !== undefined) violations.push(...compareText(expected, series, text));
  }
  if (expected !== undefined && isEnd) violations.push(...compareWhole(expected, amounts, all.length));
} finally {
  await store.close();
}
if (isEnd) violations.push(...leftovers(state));
process.stdout.write(`${JSON.stringify(violations)}\n`);

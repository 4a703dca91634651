/**
 * Populates as `barkeep populate` does, in this process, and says when it came how far and what its statements took.
 * `node measured-populate.ts REQUEST` with the request as JSON; run by ../measured-populate.ts in a process of its own.
 */
import { loadRegistry, loadSettings, readEnvironment } from "../../lib/config/index.ts";
import { resolveWork } from "../../lib/datasets/range/request.ts";
import { populateWork } from "../../lib/datasets/range/run.ts";
import { openLedger } from "../../lib/ledger/index.ts";
import { dayOfMs, parseDay } from "../../lib/model/day.ts";
import { exitCodes } from "../../lib/model/exit-codes.ts";
import { parseThreshold } from "../../lib/model/series.ts";
import { storeIdOf } from "../../lib/store/index.ts";
import { requestSchema, type Answer } from "../measured-populate.ts";
import { MeasuredStore } from "../measured-store.ts";
import { protocolTime, timesByKind } from "../protocol-time.ts";

const loadedMs = performance.now();
const request = requestSchema.parse(JSON.parse(process.argv[2] ?? ""));
const environment = readEnvironment({ BARKEEP_SETTINGS: "off" });
const { state, archive, symbolsFile } = request;
const settings = loadSettings({ state, archive, symbols: symbolsFile }, environment);
const now = new Date();
const today = dayOfMs(now.getTime());
const asked = {
  symbols: request.symbols,
  thresholds: request.thresholds.map((one) => parseThreshold(one)),
  startAsked: parseDay(request.from),
  endAsked: parseDay(request.to),
};
const note = (line: string): void => void process.stderr.write(`${line}\n`);
const registry = loadRegistry(settings.symbolsFile);
const work = await resolveWork(asked, settings, registry, environment.values, today, note);

const openingMs = performance.now();
const store = await MeasuredStore.open(settings.stateDirectory);
const openMs = performance.now();
store.statements.length = 0;
let trades = 0n;
let bars = 0;
try {
  using ledger = openLedger(settings.stateDirectory);
  ledger.belongTo(await storeIdOf(store));
  const signal = new AbortController().signal;
  const outcome = await populateWork({ store, ledger }, work, settings, today, signal, {
    line: note,
    progress: () => undefined,
  });
  if (outcome.exitCode !== exitCodes.ok) throw new Error(`populate ended with ${outcome.exitCode}`);
  trades = outcome.results.reduce((sum, result) => sum + result.trades, 0n);
  bars = outcome.results.reduce((sum, result) => sum + result.bars, 0);
} finally {
  await store.close();
}

const wholeMs = performance.now();
const { planningMs, protocolMs, insertBarsMs, commits } = protocolTime(store.statements);
const answer: Answer = {
  trades: Number(trades),
  bars,
  whole_ms: wholeMs,
  startup_ms: loadedMs + (openMs - openingMs),
  planning_ms: planningMs,
  protocol_ms: protocolMs,
  insert_bars_ms: insertBarsMs,
  commits,
  statements: store.statements.length,
  by_kind: timesByKind(store.statements),
};
process.stdout.write(`${JSON.stringify(answer)}\n`);

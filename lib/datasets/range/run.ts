import type { ProcessEnvironment, Registry, Settings } from "../../config/index.ts";
import { dayOfMs, daysBetween } from "../../model/day.ts";
import type { Failure } from "../../model/errors.ts";
import { exitCodes, worstExitCode, type ExitCode } from "../../model/exit-codes.ts";
import { seriesId } from "../../model/series.ts";
import { openStore, storeSettings, type Store } from "../../store/index.ts";
import { checkDisk, planWork } from "./plan.ts";
import { coveredOf, populateSymbol, spansOf, type SymbolResult, type SymbolWork } from "./populate.ts";
import { resolveWork, type PopulateRequest } from "./request.ts";
import { soundWork } from "./sound-work.ts";

/** Where a run tells people what happens. */
export interface PopulateListener {
  line(text: string): void;
  progress(state: { subject: string; daysDone: number; daysTotal: number; trades: bigint; bars: number }): void;
}

export interface PopulateOutcome {
  readonly results: readonly SymbolResult[];
  readonly elapsedMs: number;
  readonly exitCode: ExitCode;
}

/**
 * Builds what a request lacks, symbol after symbol. A symbol whose archive cannot be had stops; the others go on.
 * @throws what resolveWork refuses, before anything is changed; what the store refuses
 */
export async function populate(
  request: PopulateRequest,
  settings: Settings,
  registry: Registry,
  env: ProcessEnvironment,
  now: Date,
  signal: AbortSignal,
  listener: PopulateListener,
): Promise<PopulateOutcome> {
  const today = dayOfMs(now.getTime());
  const work = await resolveWork(request, settings, registry, env, today, (line) => listener.line(line));
  const store = await openStore(storeSettings(settings));
  try {
    return await populateWork(store, work, settings, today, signal, listener);
  } finally {
    await store.close();
  }
}

/** The same with a store that is open. */
export async function populateWork(
  store: Store,
  work: readonly SymbolWork[],
  settings: Settings,
  today: ReturnType<typeof dayOfMs>,
  signal: AbortSignal,
  listener: PopulateListener,
): Promise<PopulateOutcome> {
  const startMs = Date.now();
  checkDisk(await planWork(store, work, settings), settings.stateDirectory);
  const results: SymbolResult[] = [];
  for (const one of work) {
    if (signal.aborted) break;
    const { work: sound, failures } = await soundWork(store, one);
    for (const failure of failures) listener.line(describeFailure(failure));
    const result = await populateOne(store, sound, today, signal, listener);
    results.push({
      ...result,
      symbol: one.series[0]?.symbol ?? "",
      series: one.series.map(seriesId),
      failures: [...failures, ...result.failures],
    });
  }
  if (signal.aborted) listener.line("interrupted after the last commit; the same command goes on from there");
  return { results, elapsedMs: Date.now() - startMs, exitCode: exitCodeFor(results, signal.aborted) };
}

async function populateOne(
  store: Store,
  work: SymbolWork,
  today: ReturnType<typeof dayOfMs>,
  signal: AbortSignal,
  listener: PopulateListener,
): Promise<SymbolResult> {
  const covered = await coveredOf(store, work);
  const spans = spansOf(work, covered);
  const daysTotal = spans.reduce((sum, span) => sum + daysBetween(span.from, span.to) + 1, 0);
  const state = { subject: work.series[0]?.symbol ?? "", daysDone: 0, daysTotal, trades: 0n, bars: 0 };
  return populateSymbol(store, work, covered, today, signal, {
    note: (text) => listener.line(text),
    finding: (failure) => listener.line(describeFailure(failure)),
    dayRead: (_day, trades) => {
      state.daysDone += 1;
      state.trades += trades;
      listener.progress(state);
    },
    committed: ({ bars }) => {
      state.bars += bars;
      listener.progress(state);
    },
  });
}

/** One line: what, where, what to do, code. */
export function describeFailure(failure: Failure): string {
  const subject = failure.subject === undefined ? "" : `${failure.subject}: `;
  const hint = failure.hint === undefined ? "" : `; ${failure.hint}`;
  return `${subject}${failure.message}${hint} (${failure.code})`;
}

function exitCodeFor(results: readonly SymbolResult[], interrupted: boolean): ExitCode {
  if (interrupted) return exitCodes.interrupted;
  return worstExitCode(results.flatMap((result) => result.failures));
}

import type { ProcessEnvironment, Registry, Settings } from "../../config/index.ts";
import { dayOfMs, daysBetween } from "../../model/day.ts";
import type { Failure } from "../../model/errors.ts";
import { exitCodeOf, exitCodes, type ExitCode } from "../../model/exit-codes.ts";
import { openLedger, type Ledger } from "../../ledger/index.ts";
import { openStore, storeIdOf, storeSettings, type Store } from "../../store/index.ts";
import { AttemptRecorder } from "./attempt-recorder.ts";
import { checkDisk, planWork, storePlan } from "./plan.ts";
import {
  coveredOf,
  populateSymbol,
  spansOf,
  type PopulateEvents,
  type SymbolResult,
  type SymbolWork,
} from "./populate.ts";
import { resolveWork, type PopulateRequest } from "./request.ts";

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
  using ledger = openLedger(settings.stateDirectory);
  const store = await openStore(storeSettings(settings));
  try {
    ledger.belongTo(await storeIdOf(store));
    return await populateWork({ store, ledger }, work, settings, today, signal, listener);
  } finally {
    await store.close();
  }
}

/** Where a run writes to. */
export interface PopulateTarget {
  readonly store: Store;
  readonly ledger: Ledger;
  /** The stored plan that is carried out; without one, what is to be done is put down as a plan of its own. */
  readonly planId?: string | undefined;
}

/** The same with a store and a ledger that are open. */
export async function populateWork(
  target: PopulateTarget,
  work: readonly SymbolWork[],
  settings: Settings,
  today: ReturnType<typeof dayOfMs>,
  signal: AbortSignal,
  listener: PopulateListener,
): Promise<PopulateOutcome> {
  const startMs = Date.now();
  const { store, ledger } = target;
  const plan = await planWork(store, work, settings);
  checkDisk(plan, settings.stateDirectory);
  const planId = target.planId ?? storePlan(ledger, plan, settings);
  const results: SymbolResult[] = [];
  for (const one of work) {
    if (signal.aborted) break;
    results.push(await populateOne({ store, ledger, planId }, one, today, signal, listener));
  }
  if (signal.aborted) listener.line("interrupted after the last commit; the same command goes on from there");
  const exitCode = exitCodeFor(results, signal.aborted);
  if (planId !== undefined) ledger.journal.record("plan.ended", planId, { exitCode });
  return { results, elapsedMs: Date.now() - startMs, exitCode };
}

async function populateOne(
  { store, ledger, planId }: PopulateTarget,
  work: SymbolWork,
  today: ReturnType<typeof dayOfMs>,
  signal: AbortSignal,
  listener: PopulateListener,
): Promise<SymbolResult> {
  const covered = await coveredOf(store, work);
  const spans = spansOf(work, covered);
  const daysTotal = spans.reduce((sum, span) => sum + daysBetween(span.from, span.to) + 1, 0);
  const state = { subject: work.series[0]?.symbol ?? "", daysDone: 0, daysTotal, trades: 0n, bars: 0 };
  const recorder = new AttemptRecorder(ledger, state.subject, planId, (text) => listener.line(text));
  const events: PopulateEvents = {
    note: (text) => listener.line(text),
    opened: (units) => recorder.opened(units),
    finding: (failure) => {
      recorder.finding(failure);
      listener.line(describeFailure(failure));
    },
    dayRead: (_day, trades) => {
      state.daysDone += 1;
      state.trades += trades;
      listener.progress(state);
    },
    committed: (amount) => {
      recorder.committed(amount);
      state.bars += amount.bars;
      listener.progress(state);
    },
  };
  return recorder.record(async () => populateSymbol(store, work, covered, today, signal, events));
}

/** One line: what, where, what to do, code. */
export function describeFailure(failure: Failure): string {
  const subject = failure.subject === undefined ? "" : `${failure.subject}: `;
  const hint = failure.hint === undefined ? "" : `; ${failure.hint}`;
  return `${subject}${failure.message}${hint} (${failure.code})`;
}

function exitCodeFor(results: readonly SymbolResult[], interrupted: boolean): ExitCode {
  if (interrupted) return exitCodes.interrupted;
  const codes = results.flatMap((result) => result.failures.map(exitCodeOf));
  return codes.find((code) => code !== exitCodes.findings) ?? codes[0] ?? exitCodes.ok;
}

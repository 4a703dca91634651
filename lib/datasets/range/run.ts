import type { ProcessEnvironment, Registry, Settings } from "../../config/index.ts";
import type { BreakerLimits } from "../../model/circuit-breaker.ts";
import { dayOfMs, type Day } from "../../model/day.ts";
import { exitCodes, worstExitCode, type ExitCode } from "../../model/exit-codes.ts";
import { seriesId } from "../../model/series.ts";
import { openLedger } from "../../ledger/index.ts";
import { openStore, storeIdOf, storeSettings } from "../../store/index.ts";
import { describeFailure, type PopulateListener } from "./listener.ts";
import { checkDisk, planWork, storePlan, type HoledUnit } from "./plan.ts";
import type { SymbolResult, SymbolWork } from "./populate.ts";
import { populatePatiently, storePatience } from "./populate-patiently.ts";
import { resolveWork, type PopulateRequest } from "./request.ts";
import { soundWork, type SoundWork } from "./sound-work.ts";
import type { PopulateTarget } from "./populate-target.ts";

export interface PopulateOutcome {
  readonly results: readonly SymbolResult[];
  /** What it cannot make whole. */
  readonly holed: readonly HoledUnit[];
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
  const store = await openStore({ ...storeSettings(settings), note: (line) => listener.line(line) });
  try {
    ledger.belongTo(await storeIdOf(store));
    return await populateWork({ store, ledger }, work, settings, today, signal, listener);
  } finally {
    await store.close();
  }
}

/**
 * The same with a store and a ledger that are open.
 * @param patience how long a store may be away once the work has begun
 * @throws RetryableError STORE_AWAY when it was away for longer; what is committed stays
 */
export async function populateWork(
  target: PopulateTarget,
  work: readonly SymbolWork[],
  settings: Settings,
  today: Day,
  signal: AbortSignal,
  listener: PopulateListener,
  patience: BreakerLimits = storePatience,
): Promise<PopulateOutcome> {
  const startMs = Date.now();
  const { store, ledger } = target;
  // Also where nothing is left to be done: a run that was killed behind its last commit has told nobody.
  ledger.attempts.endAbandoned();
  const plan = await planWork(store, work, settings);
  checkDisk(plan, settings.stateDirectory);
  const planId = target.planId ?? storePlan(ledger, plan, settings);
  const results: SymbolResult[] = [];
  let hasBuilt = false;
  for (const planned of plan.symbols) {
    if (signal.aborted) break;
    const isToBuild = planned.units.length > 0;
    // A symbol may have been built for hours since the plan's look; what lacked nothing then lacks nothing now.
    const [sound = planned] = isToBuild && hasBuilt ? await soundWork(store, [planned.asked]) : [];
    hasBuilt ||= isToBuild;
    for (const failure of sound.failures) listener.line(describeFailure(failure));
    const result = await populatePatiently({ store, ledger, planId }, sound, today, signal, listener, patience);
    results.push(resultOf(sound, result));
  }
  if (signal.aborted) listener.line("interrupted after the last commit; the same command goes on from there");
  const exitCode = exitCodeFor(results, signal.aborted);
  if (planId !== undefined) ledger.journal.record("plan.ended", planId, { exitCode });
  return { results, holed: plan.holed, elapsedMs: Date.now() - startMs, exitCode };
}

/** What became of all that was asked of a symbol. */
function resultOf({ asked, failures }: SoundWork, result: SymbolResult): SymbolResult {
  return {
    ...result,
    symbol: asked.series[0]?.symbol ?? "",
    series: asked.series.map(seriesId),
    failures: [...failures, ...result.failures],
  };
}

function exitCodeFor(results: readonly SymbolResult[], interrupted: boolean): ExitCode {
  if (interrupted) return exitCodes.interrupted;
  return worstExitCode(results.flatMap((result) => result.failures));
}

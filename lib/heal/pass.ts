import { describeFailure } from "../datasets/range/listener.ts";
import { exitCodes, type ExitCode } from "../model/exit-codes.ts";
import { parseSeriesId, seriesId } from "../model/series.ts";
import type { Gap } from "../watch/gap.ts";
import { agendaOf, type Agenda, type LeftGap } from "./agenda.ts";
import { attemptRepair, type RepairResult } from "./attempt.ts";
import type { HealContext } from "./context.ts";
import { obstacleTo, type Obstacle } from "./obstacles.ts";
import { healPolicy, nextHealStep, type HealPolicy } from "./policy.ts";
import { gapKey, type Repair } from "./repairs.ts";
import { unitFacts } from "./unit-facts.ts";

/** How much one pass may begin. */
export interface HealLimits {
  /** Repairs of history; those of the live edge and of what is recent are not counted. */
  readonly historicalMax: number;
  /** When this aborts, what is at work stops behind its next commit, and nothing more begins. */
  readonly budget: AbortSignal;
  readonly policy?: HealPolicy;
}

/** What a pass did, and what it left. */
export interface HealPass {
  readonly repairs: readonly RepairResult[];
  readonly left: readonly LeftGap[];
  readonly exitCode: ExitCode;
}

/** What a pass would do. */
export interface HealOutlook {
  readonly repairs: readonly Repair[];
  readonly left: readonly LeftGap[];
  readonly exitCode: ExitCode;
}

/**
 * Looks for gaps and closes what may be closed, most urgent first: after each repair its series are looked at again, so that what
 * was healed by the way is not done twice.
 * @throws what keeps it from looking
 */
export async function healOnce(limits: HealLimits, context: HealContext): Promise<HealPass> {
  const pass = new Pass(limits, context);
  return pass.run();
}

/** Says what {@link healOnce} would do now. Changes nothing. */
export async function planHeal(limits: Omit<HealLimits, "budget">, context: HealContext): Promise<HealOutlook> {
  const gaps = await context.findGaps();
  const { repairs, left } = await readAgenda(gaps, limits.policy ?? healPolicy, context);
  const willDo: Repair[] = [];
  const alone = [...left];
  let historical = 0;
  for (const repair of repairs) {
    const obstacle = await obstacleTo(repair, context.store);
    const isOver = repair.priority === "P2" && historical >= limits.historicalMax;
    if (obstacle !== undefined) alone.push(...leftOf(repair.gaps, obstacle));
    else if (isOver) alone.push(...leftOf(repair.gaps, overBudget));
    else {
      willDo.push(repair);
      if (repair.priority === "P2") historical += 1;
    }
  }
  return { repairs: willDo, left: alone, exitCode: exitCodeOfGaps(gaps) };
}

const overBudget: Obstacle = {
  reason: "budget",
  text: "this pass has begun as many repairs of history as it may; the next one goes on (--max-p2-jobs, --budget)",
};

class Pass {
  readonly #limits: HealLimits;
  readonly #context: HealContext;
  readonly #policy: HealPolicy;
  readonly #results: RepairResult[] = [];
  /** Gaps that were looked at in this pass, and why they are left where they are. */
  readonly #seen = new Map<string, Obstacle>();
  #gaps: readonly Gap[] = [];
  #historical = 0;

  constructor(limits: HealLimits, context: HealContext) {
    this.#limits = limits;
    this.#policy = limits.policy ?? healPolicy;
    this.#context = { ...context, signal: AbortSignal.any([context.signal, limits.budget]) };
  }

  async run(): Promise<HealPass> {
    const { ledger, findGaps, signal } = this.#context;
    ledger.healTries.endAbandoned();
    this.#gaps = await findGaps();
    while (!signal.aborted) {
      const { repairs } = await readAgenda(this.#unseen(), this.#policy, this.#context);
      const next = repairs.find((repair) => this.#mayBegin(repair));
      if (next === undefined) break;
      await this.#take(next);
    }
    return this.#end();
  }

  #unseen(): Gap[] {
    return this.#gaps.filter((gap) => !this.#seen.has(gapKey(gap)));
  }

  #mayBegin({ priority }: Repair): boolean {
    return priority !== "P2" || this.#historical < this.#limits.historicalMax;
  }

  async #take(repair: Repair): Promise<void> {
    const { findGaps, listener, ledger } = this.#context;
    // Somebody else may have closed it since the last look.
    const now = await findGaps(repair.series);
    this.#refresh(repair, now);
    const still = new Set(now.map(gapKey));
    if (repair.gaps.some((gap) => !still.has(gapKey(gap)))) return;

    const obstacle = await obstacleTo(repair, this.#context.store);
    if (obstacle !== undefined) {
      for (const gap of repair.gaps) this.#seen.set(gapKey(gap), obstacle);
      return;
    }
    if (repair.priority === "P2") this.#historical += 1;
    for (const gap of repair.gaps) {
      this.#seen.set(gapKey(gap), { reason: "tried", text: "it was tried, and is still there" });
      listener.line(`${repair.priority} ${gap.unit}: ${gap.kind} ${gap.fromDay} … ${gap.throughDay}: ${repair.action}`);
    }
    const tries = ledger.healTries.byGap();
    const numbers = repair.gaps.map((gap) => {
      const step = nextHealStep(tries.get(gapKey(gap)) ?? [], ledger.clock.wallMs(), this.#policy);
      return step.step === "go" ? step.tryNumber : 1;
    });
    const result = await attemptRepair(repair, numbers, this.#context);
    listener.beat();
    this.#results.push(result);
    this.#refresh(repair, result.found);
    const last = result.failures.at(-1);
    if (last === undefined) return;
    for (const gap of repair.gaps) this.#seen.set(gapKey(gap), { reason: "tried", text: describeFailure(last) });
  }

  /** What was found of a repair's series takes the place of what was known of them. */
  #refresh(repair: Repair, found: readonly Gap[]): void {
    const series = new Set<string>(repair.series);
    this.#gaps = [...this.#gaps.filter((gap) => !series.has(gap.series)), ...found];
  }

  async #end(): Promise<HealPass> {
    const { left, repairs } = await readAgenda(this.#unseen(), this.#policy, this.#context);
    const seen = this.#gaps.flatMap((gap): LeftGap[] => {
      const why = this.#seen.get(gapKey(gap));
      return why === undefined ? [] : [{ gap, ...why }];
    });
    const notBegun = repairs.flatMap(({ gaps }) => leftOf(gaps, overBudget));
    const isInterrupted = this.#context.signal.aborted && !this.#limits.budget.aborted;
    return {
      repairs: this.#results,
      left: [...seen, ...left, ...notBegun],
      exitCode: isInterrupted ? exitCodes.interrupted : exitCodeOfGaps(this.#gaps),
    };
  }
}

async function readAgenda(gaps: readonly Gap[], policy: HealPolicy, context: HealContext): Promise<Agenda> {
  const { store, ledger } = context;
  const series = [...new Set(gaps.map((gap) => seriesId(parseSeriesId(gap.series))))];
  const facts = await unitFacts(store, series);
  return agendaOf(gaps, facts, ledger.healTries.byGap(), ledger.clock.wallMs(), policy);
}

function leftOf(gaps: readonly Gap[], { reason, text }: Obstacle): LeftGap[] {
  return gaps.map((gap) => ({ gap, reason, text }));
}

/** Nothing is called healed that could not be looked at. */
function exitCodeOfGaps(gaps: readonly Gap[]): ExitCode {
  if (gaps.some(({ kind, cause }) => kind === "unknown" || cause === "not-known")) return exitCodes.unavailable;
  return gaps.length > 0 ? exitCodes.findings : exitCodes.ok;
}

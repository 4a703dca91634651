import { describeFailure } from "../datasets/range/listener.ts";
import { exitCodes, type ExitCode } from "../model/exit-codes.ts";
import { parseSeriesId, seriesId } from "../model/series.ts";
import type { Finding } from "../watch/finding.ts";
import type { Gap } from "../watch/gap.ts";
import { agendaOf, type Agenda, type LeftGap } from "./agenda.ts";
import { attemptRepair, type RepairResult } from "./attempt.ts";
import { blindSpotsAfter, type BlindSpot } from "./blind-spots.ts";
import type { GapLook, HealContext } from "./context.ts";
import { obstaclesTo, type Obstacle } from "./obstacles.ts";
import { healPolicy, nextHealStep, type HealPolicy } from "./policy.ts";
import { gapKey, repairWithout, type Repair } from "./repairs.ts";
import { unitFacts } from "./unit-facts.ts";

/** How much one pass may begin. */
export interface HealLimits {
  /** Repairs of history; those of the live edge and of what is recent are not counted. */
  readonly historicalMax: number;
  /** When this aborts, what is at work stops behind its next commit, and nothing more begins. */
  readonly budget: AbortSignal;
  readonly policy?: HealPolicy;
  /** Units that are left alone, and why. */
  readonly others?: ReadonlyMap<string, Obstacle>;
}

/** What a pass did, and what it left. */
export interface HealPass {
  readonly repairs: readonly RepairResult[];
  readonly left: readonly LeftGap[];
  /** What could not be looked at. */
  readonly unknown: readonly Finding[];
  readonly exitCode: ExitCode;
}

/** What a pass would do. */
export interface HealOutlook {
  readonly repairs: readonly Repair[];
  readonly left: readonly LeftGap[];
  readonly unknown: readonly Finding[];
  readonly exitCode: ExitCode;
}

/**
 * Looks for gaps and closes what may be closed, most urgent first. After each repair its series are looked at again, so that what
 * was healed by the way is not done twice.
 * @throws what keeps it from looking
 */
export async function healOnce(limits: HealLimits, context: HealContext): Promise<HealPass> {
  return new Pass(limits, context).run();
}

/** Says what {@link healOnce} would do now. Changes nothing. */
export async function planHeal(limits: Omit<HealLimits, "budget">, context: HealContext): Promise<HealOutlook> {
  const { gaps, unknown } = await context.findGaps(context.signal);
  const agenda = await readAgenda(gaps, limits.policy ?? healPolicy, context);
  const repairs: Repair[] = [];
  const left = [...agenda.left];
  let historical = 0;
  for (const repair of agenda.repairs) {
    const obstacles = await obstaclesTo(repair, context.store);
    const isOver = repair.priority === "P2" && historical >= limits.historicalMax;
    const alone = repair.gaps.flatMap((gap) => {
      const obstacle = obstacles.get(gap.unit) ?? (isOver ? overBudget : undefined);
      return obstacle === undefined ? [] : [{ gap, ...obstacle }];
    });
    left.push(...alone);
    const rest = isOver ? undefined : repairWithout(repair, obstacles);
    if (rest === undefined) continue;
    repairs.push(rest);
    if (repair.priority === "P2") historical += 1;
  }
  return { repairs, left, unknown, exitCode: exitCodeOf(gaps, unknown) };
}

/** Why a repair is left to a later pass. */
export const overBudget: Obstacle = {
  reason: "budget",
  text: "this pass has begun as much as it may, the next one goes on; --max-p2-jobs and --budget allow more",
};
const stillThere: Obstacle = { reason: "tried", text: "it was tried, and is still there" };

class Pass {
  readonly #limits: HealLimits;
  readonly #context: HealContext;
  readonly #policy: HealPolicy;
  /** Aborted by an interruption and not by the end of the budget: looks are no work. */
  readonly #interruption: AbortSignal;
  readonly #results: RepairResult[] = [];
  /** Gaps that this pass is done with, and why they are left where they are still there. */
  readonly #seen = new Map<string, Obstacle>();
  #gaps: readonly Gap[] = [];
  #blind: readonly BlindSpot[] = [];
  #historical = 0;

  constructor(limits: HealLimits, context: HealContext) {
    this.#limits = limits;
    this.#policy = limits.policy ?? healPolicy;
    this.#interruption = context.signal;
    this.#context = { ...context, signal: AbortSignal.any([context.signal, limits.budget]) };
  }

  async run(): Promise<HealPass> {
    const { ledger, findGaps, signal } = this.#context;
    ledger.healTries.endAbandoned();
    const { gaps, unknown } = await findGaps(this.#interruption);
    this.#gaps = gaps;
    this.#blind = unknown.map((finding) => ({ finding, series: undefined }));
    for (const gap of this.#gaps) this.#markSeen(gap, this.#limits.others?.get(gap.unit));
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
    const { findGaps, listener, store } = this.#context;
    // Somebody else may have closed it since the last look.
    const now = await findGaps(this.#interruption, repair.series);
    this.#refresh(repair, now);
    const still = new Set(now.gaps.map(gapKey));
    if (repair.gaps.some((gap) => !still.has(gapKey(gap)))) return;
    const obstacles = await obstaclesTo(repair, store);
    if (obstacles.size > 0) {
      for (const gap of repair.gaps) this.#markSeen(gap, obstacles.get(gap.unit));
      return;
    }
    if (repair.priority === "P2") this.#historical += 1;
    for (const gap of repair.gaps) {
      listener.line(`${gap.priority} ${gap.unit}: ${gap.reason} (${gap.kind}): ${repair.action}`);
      this.#markSeen(gap, stillThere);
    }
    const result = await attemptRepair(repair, this.#tryNumbers(repair), this.#context);
    listener.beat();
    this.#results.push(result);
    this.#refresh(repair, result.found);
    for (const { gap, failure } of result.gaps) {
      if (failure === undefined) continue;
      const reason = failure.code === "UNIT_HELD" ? "held" : "tried";
      this.#markSeen(gap, { reason, text: describeFailure(failure) });
    }
  }

  #markSeen(gap: Gap, why: Obstacle | undefined): void {
    if (why !== undefined) this.#seen.set(gapKey(gap), why);
  }

  #tryNumbers({ gaps }: Repair): number[] {
    const { ledger } = this.#context;
    const tries = ledger.healTries.byGap();
    return gaps.map((gap) => {
      const next = nextHealStep(tries.get(gapKey(gap)) ?? [], ledger.clock.wallMs(), this.#policy);
      return next.step === "go" ? next.tryNumber : 1;
    });
  }

  /** What was found of a repair's series takes the place of what was known of them. */
  #refresh({ series }: Repair, { gaps, unknown }: GapLook): void {
    const looked = new Set<string>(series);
    this.#gaps = [...this.#gaps.filter((gap) => !looked.has(gap.series)), ...gaps];
    this.#blind = blindSpotsAfter(this.#blind, looked, unknown);
  }

  async #end(): Promise<HealPass> {
    const { left, repairs } = await readAgenda(this.#unseen(), this.#policy, this.#context);
    const seen = this.#gaps.flatMap((gap): LeftGap[] => {
      const why = this.#seen.get(gapKey(gap));
      return why === undefined ? [] : [{ gap, ...why }];
    });
    const unknown = this.#blind.map(({ finding }) => finding);
    const notBegun = repairs.flatMap(({ gaps }) => gaps.map((gap) => ({ gap, ...overBudget })));
    return {
      repairs: this.#results,
      left: [...seen, ...left, ...notBegun],
      unknown,
      exitCode: this.#interruption.aborted ? exitCodes.interrupted : exitCodeOf(this.#gaps, unknown),
    };
  }
}

async function readAgenda(gaps: readonly Gap[], policy: HealPolicy, { store, ledger }: HealContext): Promise<Agenda> {
  const series = [...new Set(gaps.map((gap) => seriesId(parseSeriesId(gap.series))))];
  const facts = await unitFacts(store, series);
  return agendaOf(gaps, facts, ledger.healTries.byGap(), ledger.clock.wallMs(), policy);
}

/** Nothing is called healed that could not be looked at. */
function exitCodeOf(gaps: readonly Gap[], unknown: readonly Finding[]): ExitCode {
  if (unknown.length > 0 || gaps.some(({ cause }) => cause === "not-known")) return exitCodes.unavailable;
  return gaps.length > 0 ? exitCodes.findings : exitCodes.ok;
}

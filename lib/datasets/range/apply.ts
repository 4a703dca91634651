import type { Settings } from "../../config/index.ts";
import { shortPlanId, type Ledger, type StoredPlan } from "../../ledger/index.ts";
import { dayOfMs } from "../../model/day.ts";
import { RefusedError } from "../../model/errors.ts";
import { openStore, storeExists, storeIdOf, storeSettings } from "../../store/index.ts";
import { planWork, type PopulatePlan } from "./plan.ts";
import { readPlanDocument, workOfPlan, type PlanDocument } from "./plan-document.ts";
import type { PopulateListener } from "./listener.ts";
import { populateWork, type PopulateOutcome } from "./run.ts";

/** What of a stored plan is still to be done. */
export interface PlanOutlook {
  /** What it takes now. */
  readonly rest: PopulatePlan;
  /** Planned units that were built meanwhile. */
  readonly built: readonly string[];
}

/** What carrying a stored plan out would do. Changes nothing. @throws as {@link applyPlan} */
export async function planApply(ledger: Ledger, stored: StoredPlan, settings: Settings): Promise<PlanOutlook> {
  const plan = readPlanDocument(stored.document, stored.id);
  const work = await workOfPlan(plan, settings.stateDirectory);
  const store = storeExists(storeSettings(settings)) ? await openStore(storeSettings(settings)) : undefined;
  try {
    if (store !== undefined) ledger.checkBelongsTo(await storeIdOf(store));
    return outlook(stored.id, plan, await planWork(store, work, settings));
  } finally {
    await store?.close();
  }
}

/**
 * Carries a stored plan out: its symbols, thresholds, days, archive and declared holes, whatever the registry and the calendar say
 * today. Units that were built meanwhile are left alone.
 * @throws RefusedError PLAN_OUTDATED where the store lacks what it had when the plan was made; what the plan's reading, the archive
 *   and the store refuse
 */
export async function applyPlan(
  ledger: Ledger,
  stored: StoredPlan,
  settings: Settings,
  now: Date,
  signal: AbortSignal,
  listener: PopulateListener,
): Promise<PopulateOutcome & Pick<PlanOutlook, "built">> {
  const plan = readPlanDocument(stored.document, stored.id);
  const work = await workOfPlan(plan, settings.stateDirectory);
  const store = await openStore(storeSettings(settings));
  try {
    ledger.belongTo(await storeIdOf(store));
    const { built } = outlook(stored.id, plan, await planWork(store, work, settings));
    for (const unit of built) listener.line(`${unit}: built meanwhile`);
    ledger.journal.record("plan.applied", stored.id, { built });
    const target = { store, ledger, planId: stored.id };
    const outcome = await populateWork(target, work, settings, dayOfMs(now.getTime()), signal, listener);
    return { ...outcome, built };
  } finally {
    await store.close();
  }
}

function outlook(id: string, plan: PlanDocument, rest: PopulatePlan): PlanOutlook {
  const planned = new Map(plan.symbols.flatMap(({ units }) => units.map((one) => [one.unit, one] as const)));
  const lost = rest.units.find(({ unit, from }) => from < (planned.get(unit)?.from ?? ""));
  const unplanned = rest.units.find(({ unit }) => !planned.has(unit));
  const beyond = lost ?? unplanned;
  if (beyond !== undefined) {
    throw new RefusedError(
      `the store lacks ${beyond.unit} from ${beyond.from} on, which it had when the plan was made`,
      {
        code: "PLAN_OUTDATED",
        subject: shortPlanId(id),
        hint: "plan again with populate --plan",
      },
    );
  }
  const left = new Set(rest.units.map(({ unit }) => unit));
  return { rest, built: [...planned.keys()].filter((unit) => !left.has(unit)) };
}

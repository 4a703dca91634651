import { loadRegistry, type ProcessEnvironment, type Settings } from "../config/index.ts";
import { openLedger } from "../ledger/index.ts";
import { ConfigurationError, Failure, UnavailableError } from "../model/errors.ts";
import { openStore, storeExists, storeIdOf, storeSettings } from "../store/index.ts";
import { findGaps, type WatchLimits, type WatchReport } from "./find-gaps.ts";
import { ledgerFinding, storeFinding } from "./findings.ts";
import type { Finding } from "./finding.ts";
import type { Selection } from "./wish.ts";

/** What to look at, in a state directory as the settings name it. */
export interface GapQuestion {
  readonly selection: Selection;
  readonly limits: WatchLimits;
}

/**
 * {@link findGaps} over a state directory. A store or a ledger that cannot be looked at is a finding, and the report says nothing
 * else then.
 * @throws ConfigurationError of the registry and the settings
 */
export async function watchGaps(
  settings: Settings,
  env: ProcessEnvironment,
  question: GapQuestion,
  nowMs: number,
  signal: AbortSignal,
): Promise<WatchReport> {
  const registry = loadRegistry(settings.symbolsFile);
  const address = storeSettings(settings);
  try {
    // Looking must not make a store: an empty one in the place of one that is gone would hide the loss.
    if (!storeExists(address)) throw storeAbsent(settings.stateDirectory);
    const store = await openStore(address);
    try {
      using ledger = openLedger(settings.stateDirectory);
      ledger.checkBelongsTo(await storeIdOf(store));
      return await findGaps({ store, ledger, registry, env, settings, ...question, nowMs, signal });
    } finally {
      await store.close();
    }
  } catch (error) {
    if (!(error instanceof Failure) || error instanceof ConfigurationError) throw error;
    return nothingSeen(nowMs, error.code.startsWith("LEDGER_") ? ledgerFinding(error) : storeFinding(error));
  }
}

function nothingSeen(nowMs: number, finding: Finding): WatchReport {
  return { nowMs, series: [], unmaintained: [], archives: [], gaps: [], findings: [finding] };
}

function storeAbsent(stateDirectory: string): UnavailableError {
  return new UnavailableError("there is no store", {
    code: "STORE_ABSENT",
    subject: stateDirectory,
    hint: "check --state and CLICKHOUSE_URL; populate makes a store",
  });
}

import { loadRegistry, type FleetHost, type ProcessEnvironment, type Settings } from "../config/index.ts";
import { openLedger } from "../ledger/index.ts";
import { ConfigurationError, Failure } from "../model/errors.ts";
import { openExistingStore, storeIdOf } from "../store/index.ts";
import { findGaps, type WatchReport } from "./find-gaps.ts";
import type { WatchLimits } from "./limits.ts";
import { ledgerFinding, storeFinding } from "./findings.ts";
import type { Finding } from "./finding.ts";
import { lookAtQueues } from "./queue-health.ts";
import { noQueues } from "./unmatched.ts";
import type { Selection } from "./wish.ts";

/** What to look at, in a state directory as the settings name it. */
export interface GapQuestion {
  readonly selection: Selection;
  readonly limits: WatchLimits;
  /** Hosts whose queues are looked at; undefined where nobody asks. */
  readonly hosts?: readonly FleetHost[] | undefined;
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
  const report = await lookAtStore(settings, env, question, nowMs, signal);
  const { hosts } = question;
  if (hosts === undefined) return report;
  if (hosts.length === 0) return { ...report, unmatched: [...report.unmatched, noQueues(settings.fleetFile)] };
  try {
    const queue = await lookAtQueues(hosts, settings, nowMs, signal);
    return { ...report, queue, findings: [...report.findings, ...queue.findings] };
  } catch (error) {
    // What is held on purpose stands in the ledger: without it the queues are not known, and all else is.
    if (!(error instanceof Failure) || !error.code.startsWith("LEDGER_")) throw error;
    const isSaid = report.findings.some(({ kind }) => kind === "ledger-unreadable");
    return isSaid ? report : { ...report, findings: [...report.findings, ledgerFinding(error)] };
  }
}

async function lookAtStore(
  settings: Settings,
  env: ProcessEnvironment,
  { selection, limits }: GapQuestion,
  nowMs: number,
  signal: AbortSignal,
): Promise<WatchReport> {
  const registry = loadRegistry(settings.symbolsFile);
  try {
    const store = await openExistingStore(settings);
    try {
      using ledger = openLedger(settings.stateDirectory);
      ledger.checkBelongsTo(await storeIdOf(store));
      return await findGaps({ store, ledger, registry, env, settings, selection, limits, nowMs, signal });
    } finally {
      await store.close();
    }
  } catch (error) {
    if (!(error instanceof Failure) || error instanceof ConfigurationError) throw error;
    return nothingSeen(nowMs, error.code.startsWith("LEDGER_") ? ledgerFinding(error) : storeFinding(error));
  }
}

function nothingSeen(nowMs: number, finding: Finding): WatchReport {
  return {
    nowMs,
    series: [],
    unmaintained: [],
    unmatched: [],
    archives: [],
    bars: undefined,
    queue: undefined,
    gaps: [],
    findings: [finding],
  };
}

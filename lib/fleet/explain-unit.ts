import { existsSync } from "node:fs";
import type { FleetHost, Registry, Settings } from "../config/index.ts";
import { ledgerPath, openLedger } from "../ledger/index.ts";
import { dayOfMs } from "../model/day.ts";
import { ConfigurationError } from "../model/errors.ts";
import { seriesId, unitId, type RangeSeries } from "../model/series.ts";
import { parseLabel, type JobName } from "../queue/label.ts";
import { shellWords } from "../queue/shell-words.ts";
import { openStore, storeAbsent, storeExists, storeSettings, unitsCovered, type CoveredUnit } from "../store/index.ts";
import { sightHosts, type JobState, type JobView } from "./host-view.ts";
import { unitsOf } from "./jobs.ts";
import { OpenHosts, type HostFailure } from "./open-hosts.ts";
import { unitCoverage } from "./unit-coverage.ts";

/** What is known of a unit, in sentences. */
export interface UnitExplanation {
  readonly unit: string;
  readonly isComplete: boolean;
  /** The store could not be looked at. */
  readonly isUnknown: boolean;
  /** What is missing, who works on it, what happens next; in this order. */
  readonly sentences: readonly string[];
  /** The one command to type; undefined where there is nothing to do. */
  readonly fix: string | undefined;
  /** Some queue has it, or had: what its jobs say comes before what else is known of it. */
  readonly isQueued: boolean;
}

/**
 * A unit as a person types it, or a job of several thresholds.
 * @throws ConfigurationError BAD_UNIT
 */
export function parseUnit(text: string): JobName {
  // A label without the attempt and the settings that stand behind it.
  const parsed = parseLabel(`${text}#1~0`);
  if (parsed !== undefined) return parsed;
  throw new ConfigurationError(`"${text}" is not a unit`, {
    code: "BAD_UNIT",
    hint: "write it as BTCUSDT@250:2024, or as a job of several thresholds: BTCUSDT@250+500:2024",
  });
}

/**
 * Says of each unit what is missing, who works on it, what happens next and what can be done. Changes nothing.
 * @throws UnavailableError STORE_ABSENT where nothing else knows of a unit either; what the store throws
 */
export async function explainUnits(
  name: JobName,
  entries: readonly FleetHost[],
  settings: Settings,
  registry: Registry,
  now: Date,
): Promise<{ readonly units: UnitExplanation[]; readonly failures: readonly HostFailure[] }> {
  const isStoreThere = storeExists(storeSettings(settings));
  const covered = isStoreThere ? await coveredOf(name, settings) : [];
  using ledger = existsSync(ledgerPath(settings.stateDirectory)) ? openLedger(settings.stateDirectory) : undefined;
  await using hosts = new OpenHosts(entries, settings.sshConfigFile);
  const views = (await sightHosts(hosts, ledger)).map(({ view }) => view);
  const today = dayOfMs(now.getTime());
  const seen = isStoreThere ? [] : [...(ledger?.mirror.units.all().values() ?? [])];
  const units = name.thresholds.map((threshold): UnitExplanation => {
    const { venue, market, symbol, segment } = name;
    const series = { venue, market, symbol, threshold };
    const unit = unitId(seriesId(series), segment);
    const jobs = views.flatMap((view) =>
      view.jobs.filter(({ label }) => unitsOf(label).includes(unit)).map((job) => ({ host: view.entry.name, job })),
    );
    if (!isStoreThere) {
      const isSeen = seen.some((one) => unitId(one.unit.series, one.unit.segment) === unit);
      if (!isSeen && jobs.length === 0 && hosts.failures.length === 0) throw storeAbsent(settings);
      return withoutStore(unit, isSeen, jobs, settings);
    }
    const { isComplete, text } = unitCoverage(series, segment, covered, registry, today);
    const isLive = jobs.some(({ job }) => ["waiting", "running", "stopped"].includes(job.state));
    const isNobodys = !isComplete && !isLive;
    const sentences = [text, ...jobs.map(jobSentence), ...(isNobodys ? ["No queue has it."] : [])];
    const fix = advisedFix(jobs) ?? (isLive ? undefined : populateCommand(series, entries));
    const isQueued = jobs.length > 0;
    return { unit, isComplete, isUnknown: false, sentences, fix: isComplete ? undefined : fix, isQueued };
  });
  return { units, failures: hosts.failures };
}

/** What is known of a unit that the store cannot be asked about. @param isSeen the ledger has seen it in the store */
function withoutStore(unit: string, isSeen: boolean, jobs: readonly HostJob[], settings: Settings): UnitExplanation {
  const { message, subject, hint } = storeAbsent(settings);
  const sentences = [
    `Whether ${unit} is built is not known: ${message} (${subject}).`,
    ...(isSeen ? ["The ledger has seen it in the store."] : []),
    ...jobs.map(jobSentence),
  ];
  const isQueued = jobs.length > 0;
  return { unit, isComplete: false, isUnknown: true, sentences, fix: advisedFix(jobs) ?? hint, isQueued };
}

/** A job with the host that has it. */
interface HostJob {
  readonly host: string;
  readonly job: JobView;
}

function advisedFix(jobs: readonly HostJob[]): string | undefined {
  return jobs.find(({ job }) => job.advice.fix !== undefined)?.job.advice.fix;
}

function jobSentence({ host, job: { job, state, work, advice } }: HostJob): string {
  const days = work === undefined || state !== "running" ? "" : `, ${work.days_done} of ${work.days_total} days done`;
  const of: Readonly<Record<JobState, string>> = {
    waiting: "waits",
    running: "runs",
    stopped: "is stopped",
    done: "is done",
    partial: "is done in part",
    failed: "has failed",
  };
  const why = state === "done" || state === "running" ? "" : `: ${advice.text}`;
  return `The job ${job} ${of[state]} on ${host}${days}${why}.`;
}

function populateCommand({ symbol, threshold }: RangeSeries, entries: readonly FleetHost[]): string {
  const words = ["barkeep", "populate", "--symbol", symbol, "--threshold", String(threshold)];
  const [first] = entries;
  return shellWords(first === undefined ? words : [...words, "--host", first.name]);
}

async function coveredOf(name: JobName, settings: Settings): Promise<CoveredUnit[]> {
  const { venue, market, symbol, thresholds } = name;
  const series = thresholds.map((threshold) => seriesId({ venue, market, symbol, threshold }));
  const store = await openStore(storeSettings(settings));
  try {
    return await unitsCovered(store, series);
  } finally {
    await store.close();
  }
}

import { join } from "node:path";
import type { Settings } from "../config/index.ts";
import { populateWork, type PopulateOutcome } from "../datasets/range/run.ts";
import { workOfPlan } from "../datasets/range/plan-document.ts";
import type { PopulateListener } from "../datasets/range/listener.ts";
import { openLedger } from "../ledger/index.ts";
import { dayOfMs } from "../model/day.ts";
import { Failure } from "../model/errors.ts";
import { exitCodeOf } from "../model/exit-codes.ts";
import { openStore, storeIdOf, storeSettings } from "../store/index.ts";
import { readJobSnapshot } from "./snapshot.ts";
import { WorkFileWriter, type WorkFile } from "./work-file.ts";

/** A job's place on its host. */
export interface JobPlace {
  readonly folder: string;
  /** Of the settings it was queued with. */
  readonly hash: string;
}

/**
 * Builds what a queued job was planned to, by the settings in its folder and no others, and leaves there how far it is and what became of it.
 * @param settings this process's own, for whatever a job does not say
 * @throws what readJobSnapshot, the archive and the store refuse; the job's folder says so too
 */
export async function runJob(
  { folder, hash }: JobPlace,
  settings: Settings,
  now: Date,
  signal: AbortSignal,
  listener: PopulateListener,
): Promise<PopulateOutcome> {
  const file = new WorkFileWriter(folder);
  try {
    const job = readJobSnapshot(join(folder, "settings.json"), hash);
    const outcome = await work({ ...settings, ...job.settings }, job.plan, now, signal, {
      line: (text) => listener.line(text),
      progress: (state) => {
        file.progress(state);
        listener.progress(state);
      },
    });
    file.end(outcome.exitCode, outcome.results.flatMap(({ failures }) => failures).map(failureOf));
    return outcome;
  } catch (error) {
    file.end(exitCodeOf(error), error instanceof Failure ? [failureOf(error)] : []);
    throw error;
  }
}

async function work(
  settings: Settings,
  plan: ReturnType<typeof readJobSnapshot>["plan"],
  now: Date,
  signal: AbortSignal,
  listener: PopulateListener,
): Promise<PopulateOutcome> {
  using ledger = openLedger(settings.stateDirectory);
  const work = await workOfPlan(plan, settings.stateDirectory);
  const store = await openStore({ ...storeSettings(settings), note: (line) => listener.line(line) });
  try {
    ledger.belongTo(await storeIdOf(store));
    return await populateWork({ store, ledger }, work, settings, dayOfMs(now.getTime()), signal, listener);
  } finally {
    await store.close();
  }
}

function failureOf({ code, message, subject, hint }: Failure): WorkFile["failures"][number] {
  return { code, message, subject: subject ?? null, hint: hint ?? null };
}

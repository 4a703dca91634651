import { loadRegistry } from "../lib/config/index.ts";
import { defineCommand, runIfMain, type CommandContext } from "../lib/command/index.ts";
import { explainUnits, parseUnit } from "../lib/fleet/explain-unit.ts";
import { hostOptions, namedHosts } from "../lib/fleet/options.ts";
import type { HostFailure } from "../lib/fleet/open-hosts.ts";
import { explainSeries, isSeriesName, type SeriesExplanation } from "../lib/heal/explain.ts";
import { openExistingLedger } from "../lib/ledger/index.ts";
import { exitCodes, worstExitCode, type ExitCode } from "../lib/model/exit-codes.ts";
import { seriesId, type SeriesId } from "../lib/model/series.ts";
import { hostFailureFields, hostFailureLines } from "../lib/report/fleet-jobs.ts";
import { incidentsExitCode } from "../lib/report/incidents.ts";
import { storeExists, storeSettings } from "../lib/store/index.ts";

import { explainIncident } from "../lib/watch/explain-incident.ts";
import { wantedIncident } from "../lib/watch/find-incident.ts";

/** `7`, `#7`, or an incident's fingerprint, which has spaces as no name of a unit or a series has. */
const incidentName = /^#?\d+$|\s/;

const command = defineCommand({
  name: "explain",
  summary:
    "why a series or a unit is not complete, or what an incident is: who works on it, what happens next, what you can do",
  positionals: {
    subject: {
      describe:
        "a series (BTCUSDT@250), a unit (BTCUSDT@250:2024), a job (BTCUSDT@250+500:2024), or an incident's number (7)",
      demandOption: true,
    },
  },
  options: hostOptions,
  examples: [
    ["BTCUSDT@250", "what the watch finds of a series, and what healing does about it"],
    ["BTCUSDT@250:2024", "asked of the store and of every host of the fleet, where there is one"],
    ["7", "the incident that a message named; exit 1 while it is not over"],
  ],
  handler: async (args, context): Promise<ExitCode> => {
    const { settings, env, signal, print, printJson } = context;
    if (incidentName.test(args.subject)) {
      using ledger = openExistingLedger(settings.stateDirectory);
      const incident = wantedIncident(ledger, args.subject);
      const sentences = explainIncident(incident, ledger);
      if (settings.json) printJson({ incident: incident.id, state: incident.state, text: sentences });
      else sentences.forEach((line) => print(line));
      return incidentsExitCode([incident]);
    }
    if (isSeriesName(args.subject)) {
      const explained = await explainSeries(args.subject, undefined, settings, env, signal);
      answer([explained], [], context);
      return exitCodeOfLooks([explained]);
    }
    const allHosts = args.allHosts || (args.host.length === 0 && settings.fleetFile !== undefined);
    const entries = namedHosts({ host: args.host, allHosts }, settings);
    const name = parseUnit(args.subject);
    const registry = loadRegistry(settings.symbolsFile);
    const { units, failures } = await explainUnits(name, entries, settings, registry, new Date());
    const explained: SeriesExplanation[] = [];
    for (const [i, { unit, isComplete, isUnknown, sentences, fix, isQueued }] of units.entries()) {
      const ofFleet = { subject: unit, isComplete, isUnknown, sentences, fix };
      const threshold = name.thresholds[i];
      const isThere = storeExists(storeSettings(settings)) && threshold !== undefined;
      const series = isThere ? seriesId({ ...name, threshold }) : undefined;
      explained.push(series === undefined ? ofFleet : await withGaps(ofFleet, isQueued, series, context));
    }
    answer(explained, failures, context);
    const code = exitCodeOfLooks(explained);
    if (code === exitCodes.ok || failures.length === 0) return code;
    return worstExitCode(failures.map(({ failure }) => failure));
  },
});

/** Nothing is called complete, nor wrong and no more, that could not be looked at. */
function exitCodeOfLooks(explained: readonly SeriesExplanation[]): ExitCode {
  if (explained.some(({ isUnknown }) => isUnknown)) return exitCodes.unavailable;
  return explained.every(({ isComplete }) => isComplete) ? exitCodes.ok : exitCodes.findings;
}

/** What the watch finds of a unit, behind what the queues say of it. */
async function withGaps(
  ofFleet: SeriesExplanation,
  isQueued: boolean,
  series: SeriesId,
  { settings, env, signal }: CommandContext,
): Promise<SeriesExplanation> {
  const found = await explainSeries(series, ofFleet.subject, settings, env, signal);
  return {
    subject: ofFleet.subject,
    isComplete: ofFleet.isComplete && found.isComplete,
    isUnknown: found.isUnknown,
    sentences: [...ofFleet.sentences, ...found.sentences],
    // A job that waits or runs is left to end; without one the gap itself says best what gets on with it.
    fix: ofFleet.isComplete || !isQueued ? (found.fix ?? ofFleet.fix) : ofFleet.fix,
  };
}

function answer(
  explained: readonly SeriesExplanation[],
  failures: readonly HostFailure[],
  { settings, print, printJson }: CommandContext,
): void {
  const told = explained.map(({ subject, isComplete, sentences, fix }) => ({
    unit: subject,
    complete: isComplete,
    text: isComplete && fix === undefined ? [...sentences, "Nothing is to be done."] : sentences,
    fix: fix ?? null,
  }));
  if (settings.json) {
    printJson({ units: told, failures: hostFailureFields(failures) });
    return;
  }
  for (const { text, fix } of told) {
    print(text.join(" "));
    if (fix !== null) print(`  what to do: ${fix}`);
  }
  hostFailureLines(failures).forEach((line) => print(line));
}

export default command;
await runIfMain(import.meta, command);

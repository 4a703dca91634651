import { defineCommand, runIfMain } from "../lib/command/index.ts";
import { openExistingLedger } from "../lib/ledger/index.ts";
import { incidentDocument, incidentLines, incidentsExitCode } from "../lib/report/incidents.ts";
import { explainIncident } from "../lib/watch/explain-incident.ts";
import { wantedIncident } from "../lib/watch/find-incident.ts";

const command = defineCommand({
  name: "incidents",
  summary: "what is wrong, as far as the last looks know; with a number, all that is known of one",
  positionals: { incident: { describe: "its number, or its fingerprint" } },
  options: { past: { type: "boolean", describe: "the last hundred, over ones too" } },
  examples: [
    ["", "those that are not over; exit 1 where there are any"],
    ["7", "one in sentences: what it means, since when, what happens next, what to do; exit 1 while it is not over"],
    ["--past --json", "as one document: incidents[].{id, kind, subject, severity, state, summary, evidence …}"],
  ],
  handler: (args, { settings, print, printJson }) => {
    using ledger = openExistingLedger(settings.stateDirectory);
    const nowMs = ledger.clock.wallMs();
    if (args.incident !== undefined) {
      const incident = wantedIncident(ledger, args.incident);
      if (settings.json) printJson({ incident: incidentDocument(incident) });
      else explainIncident(incident, ledger).forEach((line) => print(line));
      return incidentsExitCode([incident]);
    }
    const incidents = args.past ? ledger.incidents.last(pastMost) : ledger.incidents.live();
    if (settings.json) printJson({ incidents: incidents.map(incidentDocument) });
    else incidentLines(incidents, nowMs).forEach((line) => print(line));
    return incidentsExitCode(incidents);
  },
});

const pastMost = 100;

export default command;
await runIfMain(import.meta, command);

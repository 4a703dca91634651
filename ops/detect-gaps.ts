import { defineCommand, runIfMain } from "../lib/command/index.ts";
import { openLedger } from "../lib/ledger/index.ts";
import { parseThreshold } from "../lib/model/series.ts";
import { detectGapsDocument, detectGapsExitCode, detectGapsLines } from "../lib/report/detect-gaps.ts";
import { examinedBy } from "../lib/watch/examined.ts";
import { recordLook } from "../lib/watch/record-look.ts";
import { watchGaps } from "../lib/watch/watch-gaps.ts";

const command = defineCommand({
  name: "detect-gaps",
  summary: "what is missing, doubled, too old or not known, of every series that is to be kept",
  options: {
    symbol: { type: "string", array: true, describe: "only this symbol; repeat for more" },
    threshold: {
      type: "string",
      array: true,
      describe: "only this threshold, dbps; repeat for more",
      parse: parseThreshold,
    },
    "tier1-only": { type: "boolean", describe: "the registry's symbols of tier 1, at 250, 500, 750 and 1000 dbps" },
    summary: { type: "boolean", describe: "without the table of series" },
    "no-notify": { type: "boolean", describe: "keep what is found to the report; nothing goes into the outbox" },
  },
  examples: [["--archive DIR", "every series of the store against the registry and the archive"]],
  handler: async (args, { settings, env, signal, print, printJson }) => {
    const { symbol: symbols, threshold: thresholds, tier1Only } = args;
    const question = { selection: { symbols, thresholds, tier1Only }, limits: { minGapHours: 6 } };
    const report = await watchGaps(settings, env, question, Date.now(), signal);
    if (!args.noNotify) {
      using ledger = openLedger(settings.stateDirectory);
      recordLook(ledger, { source: "detect-gaps", findings: report.findings, examined: examinedBy(report, question) });
    }
    if (settings.json) printJson(detectGapsDocument(report));
    else detectGapsLines(report, args.summary).forEach((line) => print(line));
    return detectGapsExitCode(report);
  },
});

export default command;
await runIfMain(import.meta, command);

import { defineCommand, runIfMain } from "../lib/command/index.ts";
import { applyPlan, planApply } from "../lib/datasets/range/apply.ts";
import { openExistingLedger } from "../lib/ledger/index.ts";
import { worstExitCode, type ExitCode } from "../lib/model/exit-codes.ts";
import { outlookDocument, outlookLines, populateDocument, populateLines } from "../lib/report/populate.ts";
import { Progress } from "../lib/report/progress.ts";

const command = defineCommand({
  name: "apply",
  summary: "carry out a plan that populate --plan has kept: exactly its units, days and archive",
  positionals: {
    id: { describe: "the plan's id, or as many of its first digits as make it unique", demandOption: true },
  },
  options: {
    plan: { type: "boolean", describe: "show what of the plan is still to be done; change nothing" },
  },
  examples: [
    ["4f1c0d2a9b3e", "builds what was planned, whatever the registry and the calendar say today"],
    ["4f1c0d2a9b3e --plan", "which of its units are still to be built, and what that takes"],
  ],
  handler: async (args, { settings, signal, print, printJson, log, stderr }): Promise<ExitCode> => {
    using ledger = openExistingLedger(settings.stateDirectory);
    const stored = ledger.plans.find(args.id);
    if (args.plan) {
      const outlook = await planApply(ledger, stored, settings);
      if (settings.json) printJson(outlookDocument(stored.id, outlook));
      else outlookLines(outlook).forEach((line) => print(line));
      return worstExitCode(outlook.rest.failures);
    }
    const progress = new Progress(stderr);
    const outcome = await applyPlan(ledger, stored, settings, new Date(), signal, {
      line: (text) => {
        progress.clear();
        log(text);
      },
      progress: (state) => progress.show(state),
    });
    progress.clear();
    if (settings.json) printJson({ plan: stored.id, built: outcome.built, ...populateDocument(outcome) });
    else populateLines(outcome).forEach((line) => print(line));
    return outcome.exitCode;
  },
});

export default command;
await runIfMain(import.meta, command);

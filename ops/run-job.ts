import { defineCommand, runIfMain } from "../lib/command/index.ts";
import { runJob } from "../lib/fleet/run-job.ts";
import { populateDocument, populateLines } from "../lib/report/populate.ts";
import { Progress } from "../lib/report/progress.ts";

const command = defineCommand({
  name: "run-job",
  summary: "what a queue runs: build what one job was planned to, by the settings in its folder",
  positionals: {
    job: {
      describe: "symbol, thresholds and segment, for people who look at the list of processes",
      demandOption: true,
    },
  },
  options: {
    "job-folder": { type: "string", demandOption: true, describe: "where its settings are and its result goes" },
    hash: { type: "string", demandOption: true, describe: "of the settings it was queued with" },
  },
  examples: [
    [
      "BTCUSDT@250:2024 --job-folder DIR --hash 0f9c2b7a41de",
      "again what a queue has run; populate --host queues jobs",
    ],
  ],
  handler: async (args, { settings, signal, print, printJson, log, stderr }) => {
    const progress = new Progress(stderr);
    const place = { folder: args.jobFolder, hash: args.hash };
    const outcome = await runJob(place, settings, new Date(), signal, {
      line: (text) => {
        progress.clear();
        log(text);
      },
      progress: (state) => progress.show(state),
    });
    progress.clear();
    if (settings.json) printJson({ job: args.job, ...populateDocument(outcome) });
    else populateLines(outcome).forEach((line) => print(line));
    return outcome.exitCode;
  },
});

export default command;
await runIfMain(import.meta, command);

import { randomUUID } from "node:crypto";
import { defineCommand, runIfMain, type CommandContext } from "../lib/command/index.ts";
import { isLedgerReplaced, openLedger, type Incident, type Ledger } from "../lib/ledger/index.ts";
import { Failure } from "../lib/model/errors.ts";
import { exitCodeOf, exitCodes, type ExitCode } from "../lib/model/exit-codes.ts";
import { parsePositive } from "../lib/model/quantities.ts";
import { rest } from "../lib/model/rest.ts";
import { attend, countdown, staysFor } from "../lib/notify/attend.ts";
import { openChannels } from "../lib/notify/open-channels.ts";
import { heartbeatDocument, heartbeatExitCode, heartbeatLines } from "../lib/report/heartbeat.ts";
import { keepEngineLean } from "../lib/store/index.ts";
import { explainIncident } from "../lib/watch/explain-incident.ts";
import { beat, greenLastsMs } from "../lib/watch/heartbeat/beat.ts";
import { forgetPastLedger, sayPastLedger } from "../lib/watch/heartbeat/past-ledger.ts";

const minuteMs = 60_000;
const everyDefaultMs = 15 * minuteMs;

const command = defineCommand({
  name: "heartbeat",
  summary: "look at everything, make incidents of what is wrong, and say so; every 15 minutes, or once",
  options: {
    once: {
      type: "boolean",
      describe: "one pass; where it says that all is well, it stays until that message is deleted",
    },
    every: {
      type: "string",
      describe:
        "minutes from pass to pass (default 15); with --once, how often a schedule runs it, so that missed runs show; such a run stays two minutes for the buttons under what it has sent to Telegram",
      parse: (text: string) => parsePositive(text) * minuteMs,
    },
    budget: {
      type: "string",
      default: "60",
      describe: "seconds that a pass has for all its parts; what is not done by then is unknown",
      parse: (text: string) => parsePositive(text) * 1000,
    },
  },
  examples: [
    [
      "--once",
      "exit 0 where it finds nothing wrong, 1 where something is wrong, 2 where something could not be looked at",
    ],
    ["--once --json", "as one document: parts[], findings[], incidents[] {id, kind, subject, state …}, delivery"],
  ],
  handler: async (args, context): Promise<ExitCode> => {
    const { settings, env, signal, log } = context;
    // It runs all day, beside whatever else this machine is for.
    keepEngineLean();
    for (;;) {
      const pingRun = randomUUID();
      let code: ExitCode;
      try {
        code = await wholePass(args, context, pingRun);
        // Behind a pass that wrote: a ledger that another process holds locked can be opened, too.
        forgetPastLedger(settings.stateDirectory);
      } catch (error) {
        if (!(error instanceof Failure) || !isOfLedger(error)) throw error;
        for (const problem of await sayPastLedger(error, settings, env, log, pingRun)) log(problem);
        if (args.once) throw error;
        log(error.message);
        code = exitCodeOf(error);
        await rest(args.every ?? everyDefaultMs, signal);
      }
      if (args.once || signal.aborted) return signal.aborted && !args.once ? exitCodes.interrupted : code;
    }
  },
});

interface PassArguments {
  readonly once: boolean;
  readonly every: number | undefined;
  readonly budget: number;
}

/** A pass whose ledger a rebuild replaces is made again with the new one, which has what was kept before. */
async function wholePass(args: PassArguments, context: CommandContext, pingRun: string): Promise<ExitCode> {
  for (;;) {
    try {
      using ledger = openLedger(context.settings.stateDirectory);
      return await onePass(args, context, ledger, pingRun);
    } catch (error) {
      if (!isLedgerReplaced(error)) throw error;
      context.log(`${error.message}; looked at again with the new one`);
    }
  }
}

async function onePass(
  args: PassArguments,
  context: CommandContext,
  ledger: Ledger,
  pingRun: string,
): Promise<ExitCode> {
  const { settings, env, signal, print, printJson, log } = context;
  const open = openChannels(settings, env, ledger, log, pingRun);
  const everyMs = args.every ?? (args.once ? undefined : everyDefaultMs);
  const leftMs = countdown(ledger.clock, everyMs ?? everyDefaultMs);
  const report = await beat({ settings, env, ledger, open, budgetMs: args.budget, everyMs, signal, log });
  if (settings.json) printJson(heartbeatDocument(report));
  else heartbeatLines(report).forEach((line) => print(line));
  const explain = (incident: Incident): string => explainIncident(incident, ledger).join("\n");
  // Who types --once wants the prompt back; a schedule waits for nothing.
  const sinceMs = args.every === undefined ? undefined : report.startedMs;
  const stays = args.once ? staysFor(ledger, open, greenLastsMs, sinceMs) : leftMs;
  try {
    await attend(ledger, open, explain, stays, signal);
  } catch (error) {
    // The pass is over, and the next one opens the new file, at once.
    if (!isLedgerReplaced(error)) throw error;
    log(error.message);
  }
  return heartbeatExitCode(report);
}

function isOfLedger({ code }: Failure): boolean {
  return code.startsWith("LEDGER_") || code === "DISK_FULL" || code === "STATE_NOT_WRITABLE";
}

export default command;
await runIfMain(import.meta, command);

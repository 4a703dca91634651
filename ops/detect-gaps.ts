import { loadFleet } from "../lib/config/index.ts";
import { defineCommand, runIfMain } from "../lib/command/index.ts";
import { parseHours, parsePositive, parseWholeDays } from "../lib/model/quantities.ts";
import { segmentations } from "../lib/model/segments.ts";
import { checkChannels } from "../lib/notify/open-channels.ts";
import { sendWaiting } from "../lib/notify/send-waiting.ts";
import { detectGapsDocument } from "../lib/report/detect-gaps-document.ts";
import { detectGapsLines, toldOf } from "../lib/report/detect-gaps.ts";
import { findingsExitCode } from "../lib/report/findings.ts";
import { handOver, startHandOver } from "../lib/watch/hand-over.ts";
import { selectionOptions } from "../lib/watch/options.ts";
import { watchGaps } from "../lib/watch/watch-gaps.ts";

const command = defineCommand({
  name: "detect-gaps",
  summary: "what is missing, doubled, too old or not known, of every series that is to be kept",
  options: {
    ...selectionOptions,
    "tier1-only": {
      type: "boolean",
      describe: "the registry's symbols of tier 1 at 250, 500, 750 and 1000 dbps, whatever is there",
    },
    "min-gap-hours": {
      type: "string",
      describe:
        "look at the bars, and list those that close as many hours or more after the one before; 6 where bars are looked at anyway",
      parse: parseHours,
    },
    "price-gap-dbps": {
      type: "string",
      describe:
        "list steps of price between two bars of as many dbps (1 dbps = 0.001 %) or more; without it none are looked for, but under --strict-price those of 5000 (5 %)",
      parse: parsePositive,
    },
    "recent-days": {
      type: "string",
      describe: "only gaps of the last so many days; how old a series is does not depend on it",
      parse: parseWholeDays,
    },
    "max-stale-hours": {
      type: "string",
      describe:
        "how old a series' newest trade may be, where the registry does not say (max_stale_hours); unless given 72, and a series that is as new as its archive is listed, and no finding",
      parse: parseHours,
    },
    "max-bar-duration-hours": {
      type: "string",
      describe: "list the hundred longest bars above as many hours, each with what its ids prove",
      parse: parseHours,
    },
    "check-backfill-queue": {
      type: "boolean",
      describe:
        "also the queues of the fleet's hosts: more than 50 jobs that wait, or one that runs for more than 4 h; exit 2 where the fleet file names no host",
    },
    "trade-id-continuity": {
      type: "boolean",
      describe: "hold every bar's ids against coverage; --exhaustive does too",
    },
    exhaustive: {
      type: "boolean",
      describe:
        "everything, of all time: every bar, and the published digest of every built day; ignores --recent-days",
    },
    "ouroboros-mode": {
      type: "string",
      choices: segmentations,
      describe:
        "only series that reset so, one without bars as RANGEBAR_OUROBOROS_MODE says; exit 2 where none does; without it all, whatever that setting is",
    },
    "strict-time": { type: "boolean", describe: "long times and long bars are findings also where no id is missing" },
    "strict-price": { type: "boolean", describe: "steps of price are findings" },
    summary: { type: "boolean", describe: "findings and totals alone" },
    "no-notify": {
      type: "boolean",
      describe: "keep what is found to the report: nothing goes into the outbox, nothing is sent",
    },
  },
  examples: [
    ["--archive DIR", "every series of the store against the registry and the archive: coverage alone, in an instant"],
    ["--exhaustive --json", "every bar too, as one document; docs/schema/detect-gaps.json says what is in it"],
    ["--recent-days 30 --min-gap-hours 6 --trade-id-continuity", "the bars of the last month"],
  ],
  handler: async (args, { settings, env, signal, print, printJson, log }) => {
    const question = {
      selection: {
        symbols: args.symbol,
        thresholds: args.threshold,
        tier1Only: args.tier1Only,
        segmentation: args.ouroborosMode,
      },
      limits: {
        minGapHours: args.minGapHours,
        priceGapDbps: args.priceGapDbps,
        recentDays: args.recentDays,
        maxStaleHours: args.maxStaleHours,
        maxBarDurationHours: args.maxBarDurationHours,
        looksAtBars: args.tradeIdContinuity,
        exhaustive: args.exhaustive,
        strictTime: args.strictTime,
        strictPrice: args.strictPrice,
      },
      hosts: args.checkBackfillQueue ? [...loadFleet(settings.fleetFile).hosts.values()] : undefined,
    };
    if (!args.noNotify) checkChannels(settings, env);
    const start = args.noNotify ? undefined : startHandOver(settings.stateDirectory);
    const seen = await watchGaps(settings, env, question, Date.now(), signal);
    const report = args.noNotify ? seen : handOver(settings.stateDirectory, seen, question, start);
    if (settings.json) printJson(detectGapsDocument(report));
    else detectGapsLines(report, args.summary).forEach((line) => print(line));
    // A ledger that could not be read a moment ago is among what was found.
    const isReadable = report.findings.every(({ kind }) => kind !== "ledger-unreadable");
    if (!args.noNotify && isReadable) await sendWaiting(settings, env, signal, log);
    return findingsExitCode(toldOf(report));
  },
});

export default command;
await runIfMain(import.meta, command);

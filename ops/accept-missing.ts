import { hostname, userInfo } from "node:os";
import { admitSymbol, loadRegistry } from "../lib/config/index.ts";
import { defineCommand, runIfMain } from "../lib/command/index.ts";
import { openExistingLedger } from "../lib/ledger/index.ts";
import { dayOfMs, parseDay } from "../lib/model/day.ts";
import { ConfigurationError } from "../lib/model/errors.ts";
import { exitCodes } from "../lib/model/exit-codes.ts";
import { parseWholeDays } from "../lib/model/quantities.ts";
import { absenceOnRecord, doubtsOf, evidenceEntry, evidenceText } from "../lib/watch/accepted-days.ts";

const dayMs = 86_400_000;

const command = defineCommand({
  name: "accept-missing",
  summary:
    "accept for a time that the exchange has no archive of some days; detect-gaps then lists them and alarms no more",
  positionals: {
    symbol: { describe: "the symbol, e.g. BTCUSDT", demandOption: true },
    from: { describe: "the first day, YYYY-MM-DD", demandOption: true, parse: parseDay },
    through: { describe: "the last day, inclusive (default: the first)", parse: parseDay },
  },
  options: {
    reason: { type: "string", demandOption: true, describe: "why, for whoever looks at it later" },
    days: { type: "string", default: "90", describe: "how long it holds from now on", parse: parseWholeDays },
    plan: { type: "boolean", describe: "say what would be accepted, and what speaks against it; change nothing" },
  },
  examples: [["ATOMUSDT 2019-04-22 2019-04-28 --reason gone", "for 90 days; for good is known_gaps in the registry"]],
  handler: (args, { settings, log, print, printJson }) => {
    const { symbol, from: fromDay, reason, days } = args;
    const throughDay = args.through ?? fromDay;
    if (throughDay < fromDay) {
      throw new ConfigurationError(`${throughDay} is before ${fromDay}`, {
        code: "END_BEFORE_START",
        subject: symbol,
        hint: "swap the two days",
      });
    }
    const nowMs = Date.now();
    if (throughDay > dayOfMs(nowMs)) {
      throw new ConfigurationError(`${throughDay} is still to come`, {
        code: "FUTURE_DAY",
        subject: symbol,
        hint: "only what should be there by now can be missing",
      });
    }
    const entry = admitSymbol(loadRegistry(settings.symbolsFile), symbol, settings.symbolGate, log);
    const market = settings.market ?? entry?.market ?? "spot";
    const expiresMs = nowMs + days * dayMs;
    const by = `${userInfo().username}@${hostname()}`;
    using ledger = openExistingLedger(settings.stateDirectory);
    const place = { location: settings.archive, market, symbol };
    const warnings = doubtsOf(ledger, place, fromDay, throughDay);
    const onRecord = absenceOnRecord(ledger, place, fromDay, throughDay);
    const evidence = evidenceEntry(onRecord);
    const accept = (): void => {
      ledger.journal.record("archive.accepted-missing", `${market}/${symbol}`, {
        fromDay,
        throughDay,
        reason,
        by,
        days,
        evidence,
      });
      ledger.archives.accept({ market, symbol }, { fromDay, throughDay, reason, by, expiresMs }, nowMs);
    };
    if (!args.plan) ledger.transaction(accept);
    const until = dayOfMs(expiresMs);
    if (settings.json) {
      const accepted = { market, symbol, from_day: fromDay, through_day: throughDay, reason, by, until };
      printJson({ ...accepted, done: !args.plan, evidence, warnings });
    } else {
      const verb = args.plan ? "would be accepted" : "accepted";
      print(`${symbol}: ${fromDay} … ${throughDay} ${verb} as missing until ${until}`);
      print(`evidence: ${evidenceText(onRecord)}`);
      warnings.forEach((warning) => print(`warning: ${warning}`));
    }
    return exitCodes.ok;
  },
});

export default command;
await runIfMain(import.meta, command);

import { defineCommand, runIfMain } from "../lib/command/index.ts";
import { canarySeries, runCanary } from "../lib/datasets/range/canary.ts";
import { openLedger } from "../lib/ledger/index.ts";
import { exitCodes, type ExitCode } from "../lib/model/exit-codes.ts";
import { formatCount } from "../lib/report/text-table.ts";
import { openStore, storeIdOf, storeSettings } from "../lib/store/index.ts";

const command = defineCommand({
  name: "canary",
  summary:
    "build a small sample into a scratch series of the store and compare its digest: does this installation work here?",
  options: {
    plan: { type: "boolean", describe: "say what would be built, and where; change nothing" },
  },
  examples: [["--state DIR", "with a state directory of its own; CLICKHOUSE_URL names a server instead of the engine"]],
  handler: async (args, { settings, signal, print, printJson, log }): Promise<ExitCode> => {
    if (args.plan) {
      const where = settings.storeUrl ?? settings.stateDirectory;
      if (settings.json) printJson({ series: canarySeries, store: where, done: false });
      else print(`${canarySeries} would be built in ${where}`);
      return exitCodes.ok;
    }
    using ledger = openLedger(settings.stateDirectory);
    const store = await openStore({ ...storeSettings(settings), note: log });
    try {
      ledger.belongTo(await storeIdOf(store));
      const listener = { line: log, progress: () => undefined };
      const { series, bars, digest, expectedDigest, isWell, exitCode } = await runCanary(
        { store, ledger },
        settings,
        signal,
        listener,
      );
      if (settings.json) printJson({ series, bars, digest: digest ?? null, expectedDigest, isWell });
      else if (isWell) print(`${series}: ${formatCount(bars)} bars, digest ${digest ?? ""}, as it should be`);
      else print(`${series}: digest ${digest ?? "none"}, should be ${expectedDigest}`);
      if (isWell) return exitCodes.ok;
      return exitCode === exitCodes.ok ? exitCodes.findings : exitCode;
    } finally {
      await store.close();
    }
  },
});

export default command;
await runIfMain(import.meta, command);

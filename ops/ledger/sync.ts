import { loadRegistry } from "../../lib/config/index.ts";
import { defineCommand, runIfMain } from "../../lib/command/index.ts";
import { openLedger, planSync, standingDivergences, syncLedger } from "../../lib/ledger/index.ts";
import { UnavailableError } from "../../lib/model/errors.ts";
import { exitCodes } from "../../lib/model/exit-codes.ts";
import { differingDocument, differingLines, syncDocument, syncLines } from "../../lib/report/ledger.ts";
import { parseSeriesId } from "../../lib/model/series.ts";
import { openStore, storeExists, storeSettings } from "../../lib/store/index.ts";
import { divergenceFindings, divergenceEnds } from "../../lib/watch/divergence-finding.ts";
import { isMaintained } from "../../lib/watch/wish.ts";
import { recordLook, startLook } from "../../lib/watch/record-look.ts";

const command = defineCommand({
  name: "ledger sync",
  summary: "mirror the store's coverage and checkpoints into the local ledger, and say where the two differ",
  options: {
    plan: { type: "boolean", describe: "say which units differ; change nothing" },
  },
  examples: [
    [
      "",
      "what is new in the store is mirrored; exit 1 where something of a build is missed that was seen there, or is there otherwise or twice",
    ],
    [
      "--json",
      "the same as one document: store_ahead {units, rows}, divergences[] {unit, ahead, missing, changed, doubled, made_good, replaced_by}",
    ],
  ],
  handler: async (args, { settings, env, signal, print, printJson }) => {
    const registry = loadRegistry(settings.symbolsFile);
    const address = storeSettings(settings);
    // Mirroring must not make a store: an empty one in the place of one that is gone would hide the loss.
    if (!storeExists(address)) {
      throw new UnavailableError("there is no store to mirror", {
        code: "STORE_ABSENT",
        subject: settings.stateDirectory,
        hint: "check --state and CLICKHOUSE_URL; populate makes a store",
      });
    }
    using ledger = openLedger(settings.stateDirectory);
    const store = await openStore(address);
    try {
      if (args.plan) {
        const differing = await planSync(ledger, store);
        if (settings.json) printJson(differingDocument(differing));
        else differingLines(differing).forEach((line) => print(line));
        return exitCodes.ok;
      }
      const start = startLook(ledger);
      const result = await syncLedger(ledger, store, signal);
      recordLook(ledger, {
        source: "ledger sync",
        start,
        // Of what nobody keeps it is only told.
        findings: divergenceFindings(
          result.divergences.filter(({ unit }) => isMaintained(registry, parseSeriesId(unit.series), env)),
        ),
        examined: [{ kinds: ["store-differs"], subjects: "all" }],
        ends: divergenceEnds(result.divergences),
      });
      if (settings.json) printJson(syncDocument(result));
      else syncLines(result).forEach((line) => print(line));
      return standingDivergences(result.divergences).length === 0 ? exitCodes.ok : exitCodes.findings;
    } finally {
      await store.close();
    }
  },
});

export default command;
await runIfMain(import.meta, command);

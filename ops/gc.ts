import { defineCommand, runIfMain } from "../lib/command/index.ts";
import { rebuildId } from "../lib/datasets/range/rebuild-id.ts";
import { openLedger } from "../lib/ledger/index.ts";
import { exitCodes } from "../lib/model/exit-codes.ts";
import { formatBytes, formatCount } from "../lib/report/text-table.ts";
import {
  dropBuild,
  findLeftovers,
  oldBuilds,
  openStore,
  pinPublished,
  storeExists,
  storeIdOf,
  storeSettings,
  sweep,
} from "../lib/store/index.ts";

const command = defineCommand({
  name: "gc",
  summary: "drop builds that were replaced and whose undo window is over, and rows that were never committed",
  options: {
    plan: { type: "boolean", describe: "say what would go; change nothing" },
  },
  examples: [["--plan", "which builds would go, and how much they take"]],
  handler: async (args, { settings, print, printJson, log }) => {
    const address = storeSettings(settings);
    const nothing = { builds: [], leftovers: [] };
    if (!storeExists(address)) {
      if (settings.json) printJson(nothing);
      else print("nothing to drop: there is no store yet");
      return exitCodes.ok;
    }
    const store = await openStore({ ...address, note: log });
    try {
      const builds = await oldBuilds(store, settings.undoDays);
      const leftovers = await findLeftovers(store, await pinPublished(store));
      if (!args.plan && builds.length + leftovers.length > 0) {
        using ledger = openLedger(settings.stateDirectory);
        ledger.belongTo(await storeIdOf(store));
        for (const build of builds) {
          ledger.journal.record("build.dropping", rebuildId(build), { rows: build.rows });
          await dropBuild(store, build);
        }
        for (const one of leftovers) {
          ledger.journal.record("leftovers.sweeping", rebuildId(one.pinned), { rows: one.rows });
          if (!(await sweep(store, one))) log(`${rebuildId(one.pinned)}: a writer may still live; its rows stay`);
        }
      }
      if (settings.json) {
        printJson({
          builds: builds.map((build) => ({ rebuild: rebuildId(build), rows: build.rows, bytes: build.bytes })),
          leftovers: leftovers.map(({ pinned, rows }) => ({ rebuild: rebuildId(pinned), rows })),
        });
        return exitCodes.ok;
      }
      const verb = args.plan ? "would go" : "dropped";
      for (const build of builds) {
        print(`${rebuildId(build)}: ${formatCount(build.rows)} bars, ${formatBytes(build.bytes)} ${verb}`);
      }
      for (const { pinned, rows } of leftovers) {
        print(`${rebuildId(pinned)}: ${formatCount(rows)} rows that were never committed ${verb}`);
      }
      if (builds.length + leftovers.length === 0) print("nothing to drop");
      return exitCodes.ok;
    } finally {
      await store.close();
    }
  },
});

export default command;
await runIfMain(import.meta, command);

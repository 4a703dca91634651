import { join } from "node:path";
import { defineCommand, runIfMain } from "../lib/command/index.ts";
import { fleetHost, loadFleet } from "../lib/config/index.ts";
import { planRollback, rollback } from "../lib/deploy/deploy.ts";
import { releaseFolder } from "../lib/deploy/programs.ts";
import { openHost } from "../lib/hosts/index.ts";
import { openLedger } from "../lib/ledger/index.ts";
import { exitCodes } from "../lib/model/exit-codes.ts";
import { servicePlace } from "../lib/services/host-settings.ts";
import { checkServices, installServices } from "../lib/services/install.ts";

const command = defineCommand({
  name: "rollback",
  summary: "make the release before the current one of a host current again, once it has shown that it works",
  positionals: {
    host: { describe: "a host of the fleet", demandOption: true },
  },
  options: {
    plan: { type: "boolean", describe: "say which release would be current; change nothing" },
  },
  examples: [["bigbox", "a second time goes one further back"]],
  handler: async (args, { settings, env, print, printJson, log }) => {
    const entry = fleetHost(loadFleet(settings.fleetFile), args.host);
    await using host = openHost(entry, settings.sshConfigFile);
    const { current, before } = await planRollback(host, entry);
    const place = servicePlace(entry, settings, env);
    // One that has not what a service runs is not gone back to.
    const checkRelease = async (root: string): Promise<void> =>
      void (await checkServices(host, entry, place, entry.services, root));
    if (args.plan) await checkRelease(releaseFolder(entry.directory, before));
    else {
      using ledger = openLedger(settings.stateDirectory);
      const login = { user: settings.storeUser, password: settings.storePassword };
      const artifactFolder = join(settings.stateDirectory, "artifacts");
      await rollback({ host, entry, ledger, login, artifactFolder, note: log, checkRelease }, { current, before });
      // What runs still runs from the release that was gone back from.
      await installServices(host, entry, place, entry.services, ledger);
    }
    if (settings.json) printJson({ host: host.name, release: before, before: current, done: !args.plan });
    else print(`${host.name}: release ${before} ${args.plan ? "would be" : "is"} current instead of ${current}`);
    return exitCodes.ok;
  },
});

export default command;
await runIfMain(import.meta, command);

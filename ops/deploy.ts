import { join } from "node:path";
import { defineCommand, runIfMain } from "../lib/command/index.ts";
import { fleetHost, loadFleet, projectRoot } from "../lib/config/index.ts";
import { describeArtifact } from "../lib/deploy/artifact.ts";
import { deploy, planDeploy } from "../lib/deploy/deploy.ts";
import { examineHost } from "../lib/doctor/host/index.ts";
import { openHost } from "../lib/hosts/index.ts";
import { openLedger } from "../lib/ledger/index.ts";
import { exitCodes } from "../lib/model/exit-codes.ts";
import { deployLines, deployPlanDocument, deployPlanLines } from "../lib/report/deploy.ts";
import { plannedUnitLines } from "../lib/report/services.ts";
import { servicePlace } from "../lib/services/host-settings.ts";
import { installServices, planServices } from "../lib/services/install.ts";

const command = defineCommand({
  name: "deploy",
  summary: "put this working tree on a host as a release, try it there, then make it the current one",
  positionals: {
    host: { describe: "a host of the fleet", demandOption: true },
  },
  options: {
    plan: { type: "boolean", describe: "say what would be sent and switched; change nothing" },
  },
  examples: [
    ["bigbox --plan", "what a deploy would do"],
    ["bigbox", "jobs that run there finish with the release they began with"],
  ],
  handler: async (args, { settings, env, print, printJson, log }) => {
    const entry = fleetHost(loadFleet(settings.fleetFile), args.host);
    const artifact = await describeArtifact(projectRoot, entry.storeUrl === undefined);
    await using host = openHost(entry, settings.sshConfigFile);
    const plan = await planDeploy(host, entry, artifact, await examineHost(entry, settings.sshConfigFile));
    if (args.plan) {
      if (settings.json) printJson({ ...deployPlanDocument(host.name, plan), services: entry.services });
      else deployPlanLines(host.name, plan, entry.services).forEach((line) => print(line));
      return exitCodes.ok;
    }
    using ledger = openLedger(settings.stateDirectory);
    const place = servicePlace(entry, settings, env);
    const outcome = await deploy(
      {
        host,
        entry,
        ledger,
        login: { user: settings.storeUser, password: settings.storePassword },
        artifactFolder: join(settings.stateDirectory, "artifacts"),
        note: log,
        // What its systemd says of the units comes behind the switch: at the first deploy their program is not there before.
        checkRelease: async (root) => void (await planServices(host, entry, place, entry.services, root)),
      },
      plan,
    );
    // After the switch: they start by it.
    const services = await installServices(host, entry, place, entry.services, ledger);
    const { before, ...done } = outcome;
    if (settings.json) {
      printJson({ host: host.name, ...done, before: before ?? null, services: entry.services, done: true });
    } else {
      deployLines(host.name, outcome).forEach((line) => print(line));
      if (entry.services.length > 0) plannedUnitLines(host.name, services, false).forEach((line) => print(line));
    }
    return exitCodes.ok;
  },
});

export default command;
await runIfMain(import.meta, command);

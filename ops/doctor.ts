import { defineCommand, runIfMain } from "../lib/command/index.ts";
import { fleetHost, loadFleet } from "../lib/config/index.ts";
import { examine } from "../lib/doctor/checks.ts";
import { examineHost } from "../lib/doctor/host/index.ts";
import type { Finding } from "../lib/doctor/finding.ts";
import { exitCodes } from "../lib/model/exit-codes.ts";
import { textTable } from "../lib/report/text-table.ts";
import { storeSettings } from "../lib/store/index.ts";

/** The table of checks, and under it what to do about those that are not well. */
function findingLines(findings: readonly Finding[]): string[] {
  const rows = findings.map(({ name, state, detail }) => [name, state, detail.replace(/\s*\n\s*/g, "; ")]);
  const advice = findings
    .filter(({ state }) => state !== "ok" && state !== "skipped")
    .flatMap(({ name, fix }) => ["", name, `  what to do: ${fix ?? "see what was found"}`]);
  return [...textTable([{ title: "check" }, { title: "state" }, { title: "what was found" }], rows), ...advice];
}

const command = defineCommand({
  name: "doctor",
  summary: "every prerequisite, and the command that fixes what is missing; changes nothing",
  options: {
    host: { type: "string", describe: "look at this host of the fleet instead of this machine" },
  },
  examples: [
    ["", "this machine, this working tree, these settings"],
    [
      "--host here",
      "a host of fleet.toml: SSH, its clock, disk, memory limits, queue, release, and the store from there",
    ],
  ],
  handler: async ({ host: name }, { settings, print, printJson }) => {
    const host = name === undefined ? undefined : fleetHost(loadFleet(settings.fleetFile), name);
    const findings =
      host === undefined
        ? await examine(settings, storeSettings(settings))
        : await examineHost(host, settings.sshConfigFile);
    const about = host === undefined ? {} : { host: host.name, queue: host.queue };
    const checks = findings.map((one) => ({ ...one, fix: one.fix ?? null }));
    if (settings.json) printJson({ version: 1, ...about, checks });
    else findingLines(findings).forEach((line) => print(line));
    if (findings.some(({ state }) => state === "failed")) return exitCodes.findings;
    return findings.some(({ state }) => state === "unknown") ? exitCodes.unavailable : exitCodes.ok;
  },
});

export default command;
await runIfMain(import.meta, command);

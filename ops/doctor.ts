import { defineCommand, runIfMain } from "../lib/command/index.ts";
import { examine } from "../lib/doctor/checks.ts";
import type { Finding } from "../lib/doctor/finding.ts";
import { exitCodes } from "../lib/model/exit-codes.ts";
import { textTable } from "../lib/report/text-table.ts";
import { storeSettings } from "../lib/store/index.ts";

/** The table of checks, and under it what to do about those that are not well. */
function findingLines(findings: readonly Finding[]): string[] {
  const rows = findings.map(({ name, state, detail }) => [name, state, detail]);
  const advice = findings
    .filter(({ state }) => state !== "ok")
    .flatMap(({ name, fix }) => ["", name, `  what to do: ${fix ?? "see what was found"}`]);
  return [...textTable([{ title: "check" }, { title: "state" }, { title: "what was found" }], rows), ...advice];
}

const command = defineCommand({
  name: "doctor",
  summary: "every prerequisite, and the command that fixes what is missing; changes nothing",
  handler: async (_args, { settings, print, printJson }) => {
    const findings = await examine(settings, storeSettings(settings));
    if (settings.json) printJson({ version: 1, checks: findings.map((one) => ({ ...one, fix: one.fix ?? null })) });
    else findingLines(findings).forEach((line) => print(line));
    if (findings.some(({ state }) => state === "failed")) return exitCodes.findings;
    return findings.some(({ state }) => state === "unknown") ? exitCodes.unavailable : exitCodes.ok;
  },
});

export default command;
await runIfMain(import.meta, command);

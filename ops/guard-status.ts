import { defineCommand, runIfMain } from "../lib/command/index.ts";
import { readMeters } from "../lib/fleet/host-meters.ts";
import { onHosts } from "../lib/fleet/on-hosts.ts";
import { demandedHosts, hostOptions } from "../lib/fleet/options.ts";
import { exitCodes, worstExitCode } from "../lib/model/exit-codes.ts";
import { detectGuard } from "../lib/queue/memory-guard.ts";
import { hostFailureFields, hostFailureLines } from "../lib/report/fleet-jobs.ts";
import { formatBytes } from "../lib/report/text-table.ts";

const command = defineCommand({
  name: "guard-status",
  summary: "what keeps the memory of a host's jobs, a systemd scope or the supervisor, and why",
  options: hostOptions,
  examples: [["--all-hosts", "scope or watchdog, its reason, and the memory that each host has"]],
  handler: async (args, { settings, env, print, printJson }) => {
    const entries = demandedHosts(args, settings);
    const isDeclined = env["RANGEBAR_NO_CGROUP"] === "1";
    const { answers, failures } = await onHosts(entries, settings.sshConfigFile, async ({ host, entry }) => ({
      guard: await detectGuard(host, isDeclined),
      machine: (await readMeters(host, entry.directory, [])).machine,
      memoryMb: entry.memoryMb,
    }));
    if (settings.json) {
      const hosts = answers.map(({ host, answer: { guard, machine, memoryMb } }) => ({
        host,
        guard: guard.kind,
        reason: guard.reason,
        memory_mb: memoryMb,
        memory_bytes: machine?.memoryBytes ?? null,
        available_bytes: machine?.availableBytes ?? null,
        load: machine?.load ?? null,
      }));
      printJson({ hosts, failures: hostFailureFields(failures) });
    } else {
      for (const { host, answer } of answers) {
        const { guard, machine, memoryMb } = answer;
        print(`${host}: ${guard.kind}; ${guard.reason}`);
        const has =
          machine === undefined
            ? "its memory cannot be read"
            : `${formatBytes(machine.availableBytes)} of ${formatBytes(machine.memoryBytes)} free`;
        print(`  ${has}; jobs may use ${formatBytes(memoryMb * 1e6)}`);
      }
      hostFailureLines(failures).forEach((line) => print(line));
    }
    return failures.length > 0 ? worstExitCode(failures.map(({ failure }) => failure)) : exitCodes.ok;
  },
});

export default command;
await runIfMain(import.meta, command);

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** The last core this process may use; absent where there is no taskset. */
const core: string | undefined = findCore();

/** A command line that keeps to one core, or the same where cores cannot be chosen. */
export function onOneCore(command: readonly string[]): readonly string[] {
  return core === undefined ? command : ["taskset", "-c", core, ...command];
}

function findCore(): string | undefined {
  if (spawnSync("taskset", ["--version"], { stdio: "ignore" }).status !== 0) return undefined;
  return /^Cpus_allowed_list:.*?(\d+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
}

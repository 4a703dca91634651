import type { FleetHost } from "../../config/index.ts";
import { failed, ok, skipped, warning, type Finding } from "../finding.ts";
import { freeBytesLeast } from "../limits.ts";
import type { HostFacts } from "./facts.ts";

const cgroupVersion2 = "cgroup2fs";

/** What a host's own words come to: its folder, its disk, what systemd does there for memory limits, its release. */
export function judgeFacts(entry: FleetHost, facts: HostFacts): Finding[] {
  return [
    checkDirectory(entry, facts),
    checkDisk(facts),
    checkUserManager(entry, facts),
    checkLingering(entry, facts),
    checkMemoryControl(entry, facts),
    checkRelease(entry, facts),
  ];
}

function checkDirectory({ directory }: FleetHost, { nearest, isWritable, user }: HostFacts): Finding {
  const name = "directory";
  if (isWritable) return ok(name, nearest === directory ? directory : `${directory} (will be made)`);
  const fix = `there: sudo mkdir -p ${directory} && sudo chown ${user} ${directory}`;
  return failed(name, `${user} cannot write to ${nearest}`, fix);
}

function checkDisk({ freeBytes, nearest }: HostFacts): Finding {
  const detail = `${(freeBytes / 1e9).toFixed(1)} GB free at ${nearest}`;
  if (freeBytes >= freeBytesLeast) return ok("disk", detail);
  return failed("disk", detail, "free some space there, or name another `directory` in fleet.toml");
}

/** Without a user manager jobs are watched by their supervisor; the kernel's limit is the better one. */
function checkUserManager(entry: FleetHost, { userManager, user }: HostFacts): Finding {
  const name = "user manager";
  if (entry.queue === "slurm") return skipped(name, slurmLimits);
  if (userManager === undefined) return warning(name, "no systemd there", noSystemd);
  if (hasManager(userManager)) return ok(name, `systemd's is ${userManager.trim()}`);
  return warning(
    name,
    `systemd's does not answer: ${userManager.trim()}`,
    `there: sudo loginctl enable-linger ${user}`,
  );
}

/** What a user manager runs ends at the last logout, unless the account lingers. */
function checkLingering(entry: FleetHost, { userManager, lingers, user }: HostFacts): Finding {
  const name = "lingering";
  if (entry.queue === "slurm") return skipped(name, "Slurm's jobs need no login");
  if (userManager === undefined) return skipped(name, "no systemd there");
  if (lingers) return ok(name, `${user} lingers`);
  const fix = `there: sudo loginctl enable-linger ${user}`;
  const detail = `what ${user} runs in its user manager ends at its last logout`;
  return entry.queue === "pueue" ? failed(name, detail, fix) : warning(name, detail, fix);
}

function checkMemoryControl(entry: FleetHost, { userManager, cgroupType, controllers }: HostFacts): Finding {
  const name = "memory control";
  if (entry.queue === "slurm") return skipped(name, slurmLimits);
  if (userManager === undefined) return skipped(name, "no systemd there");
  if (cgroupType !== cgroupVersion2) {
    const fix = "start its kernel with systemd.unified_cgroup_hierarchy=1";
    return warning(name, `cgroups are not of version 2 (${cgroupType ?? "none mounted"})`, fix);
  }
  if (controllers.includes("memory")) return ok(name, `delegated: ${controllers.join(" ")}`);
  const fix =
    "there, for user@.service: sudo systemctl edit user@.service, with [Service] and Delegate=cpu memory pids";
  return warning(name, "the user manager may not bound memory", fix);
}

function checkRelease(entry: FleetHost, { release }: HostFacts): Finding {
  const name = "release";
  if (entry.sshAlias === undefined) return skipped(name, "this machine runs this working tree");
  if (release !== undefined) return ok(name, release);
  const place = `${entry.directory}/current`;
  return failed(name, `none at ${place}`, `barkeep deploy ${entry.name}`);
}

/** `degraded`: some unit of the account has failed; the manager works. */
function hasManager(state: string): boolean {
  return ["running", "degraded", "starting", "initializing", "maintenance"].includes(state.trim());
}

const slurmLimits = "Slurm keeps jobs to their memory";
const noSystemd = "none where the machine has no systemd: a supervisor watches each job's memory instead of the kernel";

import { runScript, type Runner } from "./runner.ts";

/** What keeps a job's memory on a host, and why. */
export interface MemoryGuard {
  readonly kind: "scope" | "watchdog";
  readonly reason: string;
}

/** What a host shows of its means, as the script below prints it. */
export interface GuardFacts {
  /** RANGEBAR_NO_CGROUP=1, on the host or where the question is asked. */
  readonly isDeclined: boolean;
  readonly hasSystemdRun: boolean;
  /** Type of the file system at /sys/fs/cgroup: `cgroup2fs` for version 2. */
  readonly cgroupType: string;
  /** What the user's manager may limit, e.g. `cpu memory pids`; empty when there is no manager. */
  readonly controllers: string;
  /** What a scope with a limit said on trial; undefined when it ran. */
  readonly trialError: string | undefined;
}

const script = `uid=$(id -u)
cgroup=/sys/fs/cgroup
echo "type $(stat -fc %T $cgroup 2>/dev/null)"
echo "controllers $(cat "$cgroup/user.slice/user-$uid.slice/user@$uid.service/cgroup.controllers" 2>/dev/null)"
command -v systemd-run >/dev/null || exit 0
echo "systemd-run"
said=$(systemd-run --user --scope --quiet --collect -p MemoryMax=64M -p MemorySwapMax=0 -p OOMPolicy=continue true 2>&1) &&
  echo "trial" || echo "trial-error $(echo "$said" | tr '\\n' ' ')"
exit 0`;

/**
 * Finds out what a host offers, by trying it.
 * @param isDeclined RANGEBAR_NO_CGROUP=1
 */
export async function detectGuard(runner: Runner, isDeclined: boolean): Promise<MemoryGuard> {
  const { stdout } = await runScript(runner, script);
  const lines = stdout.split("\n");
  const valueOf = (name: string): string | undefined =>
    lines
      .find((line) => line.startsWith(`${name} `))
      ?.slice(name.length + 1)
      .trim();
  return chooseGuard({
    isDeclined,
    hasSystemdRun: lines.includes("systemd-run"),
    cgroupType: valueOf("type") ?? "",
    controllers: valueOf("controllers") ?? "",
    trialError: lines.includes("trial") ? undefined : (valueOf("trial-error") ?? "it said nothing"),
  });
}

/** A scope where the host can give one, the supervisor's own watchdog elsewhere. */
export function chooseGuard(facts: GuardFacts): MemoryGuard {
  const { cgroupType, controllers, trialError } = facts;
  if (facts.isDeclined) return watchdog("RANGEBAR_NO_CGROUP=1 asks for it");
  if (!facts.hasSystemdRun) return watchdog("systemd-run is not installed");
  if (cgroupType !== "cgroup2fs") {
    return watchdog(`/sys/fs/cgroup is not version 2 of the interface, but ${cgroupType || "nothing"}`);
  }
  if (!controllers.split(" ").includes("memory")) {
    const has = controllers === "" ? "there is no systemd user manager" : `it may limit only ${controllers}`;
    return watchdog(`the user's systemd manager may not limit memory: ${has}`);
  }
  if (trialError !== undefined) return watchdog(`a scope on trial did not start: ${trialError}`);
  return {
    kind: "scope",
    reason: "systemd user manager with the memory controller of cgroup v2; a scope on trial ran",
  };
}

function watchdog(reason: string): MemoryGuard {
  return { kind: "watchdog", reason };
}

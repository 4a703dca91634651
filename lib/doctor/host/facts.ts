import { z } from "zod";
import type { Host } from "../../hosts/index.ts";
import { UnavailableError } from "../../model/errors.ts";

/** What a host says of itself. Texts as its programs print them; undefined where there is nothing to say. */
export interface HostFacts {
  readonly user: string;
  /** The directory, or the nearest folder above it that is there. */
  readonly nearest: string;
  readonly isWritable: boolean;
  readonly freeBytes: number;
  /** The user manager's state (`running`, `degraded`) or complaint; undefined without systemd. */
  readonly userManager: string | undefined;
  readonly lingers: boolean;
  /** The type of file system at /sys/fs/cgroup: `cgroup2fs` for version 2. */
  readonly cgroupType: string | undefined;
  /** Controllers that the user manager may use. */
  readonly controllers: readonly string[];
  /** Where `current` leads, if a release is there. */
  readonly release: string | undefined;
}

const askTimeoutMs = 20_000;

/** One session for all of it. Every line is `name=value`; what a host has not is left out. */
const script = `
d=$1
say() { printf '%s=%s\\n' "$1" "$(printf %s "$2" | tr '\\n' ' ')"; }
say user "$(id -un)"
p=$d
while [ ! -e "$p" ] && [ "$p" != / ]; do p=$(dirname -- "$p"); done
say nearest "$p"
[ -d "$p" ] && [ -w "$p" ] && [ -x "$p" ] && say writable yes
say df "$(df -Pk -- "$p" | tail -n 1)"
if [ -d /run/systemd/system ]; then
  [ -n "$XDG_RUNTIME_DIR" ] || export XDG_RUNTIME_DIR="/run/user/$(id -u)"
  say manager "$(systemctl --user is-system-running 2>&1)"
fi
[ -e "/var/lib/systemd/linger/$(id -un)" ] && say linger yes
say cgroup "$(stat -fc %T /sys/fs/cgroup 2>/dev/null)"
u=$(id -u)
say controllers "$(cat "/sys/fs/cgroup/user.slice/user-$u.slice/user@$u.service/cgroup.controllers" 2>/dev/null)"
[ -e "$d/current/bin/barkeep.mjs" ] && say release "$(readlink -f -- "$d/current")"
exit 0
`;

const answer = z
  .object({
    user: z.string().min(1),
    nearest: z.string().startsWith("/"),
    writable: z.literal("yes").optional(),
    // … blocks used AVAILABLE capacity% place
    df: z.string().regex(/\s\d+\s+\d+%\s/),
    manager: z.string().optional(),
    linger: z.literal("yes").optional(),
    cgroup: z.string().optional(),
    controllers: z.string().default(""),
    release: z.string().optional(),
  })
  .transform((facts): HostFacts => ({
    user: facts.user,
    nearest: facts.nearest,
    isWritable: facts.writable !== undefined,
    freeBytes: Number(/\s(\d+)\s+\d+%\s/.exec(facts.df)?.[1]) * 1024,
    userManager: facts.manager,
    lingers: facts.linger !== undefined,
    cgroupType: facts.cgroup === "" ? undefined : facts.cgroup,
    controllers: facts.controllers.split(" ").filter((one) => one !== ""),
    release: facts.release,
  }));

/** Asks a host. @throws UnavailableError HOST_FACTS for an answer that is none, and what the host throws */
export async function askFacts(host: Host, directory: string): Promise<HostFacts> {
  const { stdout, stderr } = await host.exec(["sh", "-c", script, "sh", directory], {
    cwd: "/",
    env: { LC_ALL: "C" },
    timeoutMs: askTimeoutMs,
  });
  const parsed = answer.safeParse(
    Object.fromEntries(
      stdout
        .split("\n")
        .filter((line) => line.includes("="))
        .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
    ),
  );
  if (parsed.success) return parsed.data;
  throw new UnavailableError(`${host.name} does not answer what it was asked: ${stderr.trim() || stdout.trim()}`, {
    code: "HOST_FACTS",
    subject: host.name,
    hint: "it needs a POSIX shell with id, df, tail, dirname and tr",
    cause: parsed.error,
  });
}

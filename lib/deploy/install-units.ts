import type { FleetHost } from "../config/index.ts";
import type { Host } from "../hosts/index.ts";
import { RefusedError, UnavailableError } from "../model/errors.ts";
import { runScript as runQueueScript } from "../queue/runner.ts";
import { renderUnits, unitValues, type UnitFile } from "./units.ts";

/** What a host has to run units with. */
interface Manager {
  /** Where the account's own units are. */
  readonly folder: string;
  readonly pueued: string | undefined;
  /** A daemon answers that is not the unit's: somebody runs it in a way of their own. */
  readonly hasOtherDaemon: boolean;
}

const timeoutMs = 120_000;
const daemonUnit = "barkeep-pueued.service";

const lookScript = `
[ -d /run/systemd/system ] || exit 0
[ -n "$XDG_RUNTIME_DIR" ] || export XDG_RUNTIME_DIR="/run/user/$(id -u)"
systemctl --user show-environment >/dev/null 2>&1 || exit 0
echo "folder \${XDG_CONFIG_HOME:-$HOME/.config}/systemd/user"
command -v pueued >/dev/null && echo "pueued $(command -v pueued)"
systemctl --user is-active --quiet ${daemonUnit} || { pueue status --json >/dev/null 2>&1 && echo "other yes"; }
exit 0
`;

/** Looks for a user manager. @returns undefined on a host without one */
async function lookForManager(host: Host): Promise<Manager | undefined> {
  const { stdout } = await runQueueScript(host, lookScript);
  const valueOf = (name: string): string | undefined =>
    stdout
      .split("\n")
      .find((line) => line.startsWith(`${name} `))
      ?.slice(name.length + 1);
  const folder = valueOf("folder");
  if (folder === undefined) return undefined;
  return { folder, pueued: valueOf("pueued"), hasOtherDaemon: valueOf("other") !== undefined };
}

/** The units that a host should have and has not, or not as they should be. Changes nothing. */
export async function planUnits(
  host: Host,
  entry: FleetHost,
): Promise<{ readonly folder: string; readonly units: readonly UnitFile[]; readonly notes: readonly string[] }> {
  const manager = await lookForManager(host);
  if (manager === undefined) return { folder: "", units: [], notes: [] };
  const { folder, pueued, hasOtherDaemon } = manager;
  const wantsDaemon = entry.queue === "pueue" && !hasOtherDaemon;
  const notes = [
    ...(entry.queue === "pueue" && hasOtherDaemon ? [`a pueued runs there already; ${daemonUnit} is left out`] : []),
    ...(wantsDaemon && pueued === undefined ? [`pueued is not installed there; ${daemonUnit} is left out`] : []),
  ];
  const units: UnitFile[] = [];
  for (const unit of renderUnits(unitValues(entry, wantsDaemon ? pueued : undefined))) {
    const there = await host.readFile(`${folder}/${unit.name}`);
    if (there?.toString("utf8") !== unit.text) units.push(unit);
  }
  return { folder, units, notes };
}

/**
 * Has systemd verify units, then puts them in place. One that runs goes on as it is until its next start: a restart of the queue's daemon
 * would end its jobs.
 * @throws RefusedError UNIT_INVALID with what systemd says; nothing is installed then
 */
export async function installUnits(host: Host, folder: string, units: readonly UnitFile[]): Promise<void> {
  if (units.length === 0) return;
  await onHost(host, 'mkdir -p -- "$1" && rm -rf -- "$1/.barkeep-new" && mkdir -- "$1/.barkeep-new"', [folder]);
  const fresh = `${folder}/.barkeep-new`;
  for (const { name, text } of units) await host.writeFile(`${fresh}/${name}`, text, 0o644);
  const verify = `
cd -- "$1"
command -v systemd-analyze >/dev/null || exit 0
said=$(systemd-analyze --user verify ./* 2>&1); code=$?
echo "$said" | grep -F -- "$1/"
exit $code
`;
  const { code, stdout } = await host.exec(["sh", "-c", verify, "sh", fresh], { cwd: "/", timeoutMs });
  if (code !== 0 || stdout.trim() !== "") {
    await onHost(host, 'rm -rf -- "$1"', [fresh]);
    throw new RefusedError(`systemd of ${host.name} does not take the units: ${stdout.trim() || `exit ${code}`}`, {
      code: "UNIT_INVALID",
      subject: host.name,
      hint: "correct the templates in systemd/",
    });
  }
  const services = units.map(({ name }) => name).filter((name) => name.endsWith(".service"));
  const enable = `
set -e
d=$1; shift
mv -f -- "$d/.barkeep-new"/* "$d/"
rmdir -- "$d/.barkeep-new"
[ -n "$XDG_RUNTIME_DIR" ] || export XDG_RUNTIME_DIR="/run/user/$(id -u)"
systemctl --user daemon-reload
for unit; do systemctl --user enable --now -- "$unit"; done
`;
  await onHost(host, enable, [folder, ...services]);
}

async function onHost(host: Host, script: string, words: readonly string[]): Promise<void> {
  const { code, stderr } = await host.exec(["sh", "-c", script, "sh", ...words], { cwd: "/", timeoutMs });
  if (code === 0) return;
  throw new UnavailableError(`the units of ${host.name} could not be installed: ${stderr.trim()}`, {
    code: "UNIT_INSTALL",
    subject: host.name,
    hint: "there: systemctl --user status",
  });
}

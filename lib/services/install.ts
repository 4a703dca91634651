import { dirname, join } from "node:path";
import type { FleetHost } from "../config/index.ts";
import type { Host } from "../hosts/index.ts";
import type { Ledger } from "../ledger/index.ts";
import { RefusedError, UnavailableError } from "../model/errors.ts";
import type { ServiceName } from "../model/services.ts";
import { runScript } from "../queue/runner.ts";
import { shellWord, shellWords } from "../queue/shell-words.ts";
import type { ServicePlace } from "./host-settings.ts";
import { findManager, lookAtUnits, type HostUnits } from "./host-units.ts";
import { isRendered, renderUnit, unitsOf } from "./units.ts";
import { verifyUnits } from "./verify.ts";

/** A unit file as it is to be, beside what is there. */
export interface PlannedUnit {
  readonly service: ServiceName;
  readonly file: string;
  readonly text: string;
  readonly change: "new" | "changed" | "none";
}

export interface ServicesPlan {
  readonly units: readonly PlannedUnit[];
  /** Where they go. */
  readonly folder: string;
  /** Why the host cannot keep services as it is: an installation is refused. */
  readonly obstacles: readonly RefusedError[];
}

const nothing: ServicesPlan = { units: [], folder: "", obstacles: [] };

/** The folder that barkeep's program runs from, as a service starts it. */
function rootOf({ barkeep }: ServicePlace): string {
  return dirname(dirname(barkeep.at(-1) ?? ""));
}

/**
 * What an installation would do, also where the host is not ready for it. Changes nothing.
 * @param root where the program is that the services are to run: of a release that is to be current, its own folder
 * @throws RefusedError SERVICE_FOREIGN, SERVICE_PROGRAM with the command that helps
 */
export async function showServices(
  host: Host,
  entry: FleetHost,
  place: ServicePlace,
  names: readonly ServiceName[],
  root = rootOf(place),
): Promise<ServicesPlan> {
  if (names.length === 0) return nothing;
  const there = await lookAtUnits(host, entry, root, names);
  return { ...unitsOn(entry, place, names, there), obstacles: systemdObstacles(entry, there) };
}

/**
 * The same where only what can be installed is of use.
 * @throws RefusedError SERVICES_HOST with the command that helps; what {@link showServices} throws
 */
export async function planServices(
  host: Host,
  entry: FleetHost,
  place: ServicePlace,
  names: readonly ServiceName[],
  root = rootOf(place),
): Promise<ServicesPlan> {
  if (names.length === 0) return nothing;
  const there = await lookAtUnits(host, entry, root, names);
  // Before the services are looked at: of a host that nothing was deployed to yet, this is what has to be put right first.
  const [obstacle] = systemdObstacles(entry, there);
  if (obstacle !== undefined) throw obstacle;
  return { ...unitsOn(entry, place, names, there), obstacles: [] };
}

function unitsOn(
  entry: FleetHost,
  { barkeep, settingsFile }: ServicePlace,
  names: readonly ServiceName[],
  there: HostUnits,
): Omit<ServicesPlan, "obstacles"> {
  for (const name of names) checkService(name, entry, there);
  const units = names.flatMap((service) =>
    unitsOf(service).files.map((file): PlannedUnit => {
      const text = renderUnit(file, { barkeep, settingsFile, pueued: there.pueued });
      const before = there.texts.get(file);
      return { service, file, text, change: before === undefined ? "new" : before === text ? "none" : "changed" };
    }),
  );
  return { units, folder: there.folder };
}

/**
 * All that may be refused of an installation, looked at before anything is changed: {@link planServices}, and what systemd says of the units.
 * @throws RefusedError SERVICE_UNIT; what {@link planServices} throws
 */
export async function checkServices(
  host: Host,
  entry: FleetHost,
  place: ServicePlace,
  names: readonly ServiceName[],
  root = rootOf(place),
): Promise<ServicesPlan> {
  const plan = await planServices(host, entry, place, names, root);
  if (plan.units.length > 0) await verifyUnits(host, entry, plan.units);
  return plan;
}

/**
 * Renders services, has systemd look at them, and only then puts them in their place and starts them. Those that run are started anew, but
 * for pueue's daemon, whose end would be that of its jobs.
 * @throws UnavailableError SERVICE_START; what {@link checkServices} throws
 */
export async function installServices(
  host: Host,
  entry: FleetHost,
  place: ServicePlace,
  names: readonly ServiceName[],
  ledger: Ledger,
): Promise<ServicesPlan> {
  const plan = await checkServices(host, entry, place, names);
  const { units, folder } = plan;
  if (units.length === 0) return plan;
  ledger.journal.record("services.installing", entry.name, { services: names });
  await makeFolders(host, [folder, dirname(place.settingsFile)]);
  for (const { path, text } of place.files) await host.writeFile(path, text);
  for (const { file, text } of units) await host.writeFile(join(folder, file), text, 0o644);
  await start(host, entry, names);
  return plan;
}

function systemdObstacles(entry: FleetHost, { managerError, lingers, hasAnalyze, user }: HostUnits): RefusedError[] {
  const linger = `there: sudo loginctl enable-linger ${user}`;
  return [
    ...(lingers ? [] : [notReady(entry, `what ${user} runs there ends at its last logout`, linger)]),
    ...(managerError === undefined
      ? []
      : [notReady(entry, `its user manager does not answer: ${managerError}`, linger)]),
    ...(hasAnalyze ? [] : [notReady(entry, "it has no systemd-analyze", "install it there: it comes with systemd")]),
  ];
}

function checkService(name: ServiceName, entry: FleetHost, there: HostUnits): void {
  const { files, verb } = unitsOf(name);
  const foreign = files.find((file) => there.texts.has(file) && !isRendered(there.texts.get(file) ?? ""));
  if (foreign !== undefined) {
    throw new RefusedError(`${there.folder}/${foreign} on ${entry.name} is somebody else's`, {
      code: "SERVICE_FOREIGN",
      subject: entry.name,
      hint: `keep it and leave ${name} out, or remove it there: systemctl --user disable --now ${foreign} && rm ${there.folder}/${foreign}`,
    });
  }
  if (verb !== undefined && !there.verbs.has(verb)) {
    throw new RefusedError(`the release on ${entry.name} that would run it has no barkeep ${verb}`, {
      code: "SERVICE_PROGRAM",
      subject: entry.name,
      hint: `barkeep deploy ${entry.name}, from a working tree that has it; or take it out of services in fleet.toml`,
    });
  }
  if (name !== "pueued") return;
  if (there.pueued === undefined) {
    throw new RefusedError(`there is no pueued on ${entry.name}`, {
      code: "SERVICE_PROGRAM",
      subject: entry.name,
      hint: "there: cargo install --locked pueue",
    });
  }
  if (there.hasOtherPueued) {
    throw new RefusedError(`a pueued runs on ${entry.name} that systemd did not start`, {
      code: "SERVICE_PROGRAM",
      subject: entry.name,
      hint: "once its jobs have ended, there: pueue shutdown",
    });
  }
}

function notReady(entry: FleetHost, message: string, hint: string): RefusedError {
  return new RefusedError(`${entry.name} cannot keep services: ${message}`, {
    code: "SERVICES_HOST",
    subject: entry.name,
    hint,
  });
}

async function start(host: Host, entry: FleetHost, names: readonly ServiceName[]): Promise<void> {
  const starts = (isRestarted: boolean): string[] =>
    names.map(unitsOf).flatMap((unit) => (unit.isRestarted === isRestarted ? [unit.starts] : []));
  const lines = [
    findManager,
    "set -e",
    "systemctl --user daemon-reload",
    `systemctl --user enable --quiet ${shellWords(names.map((name) => unitsOf(name).starts))}`,
    ...starts(false).map((unit) => `systemctl --user start ${shellWord(unit)}`),
    ...starts(true).map((unit) => `systemctl --user restart ${shellWord(unit)}`),
  ];
  const { code, stderr } = await runScript(host, lines.join("\n"));
  if (code === 0) return;
  throw new UnavailableError(`a service does not start on ${entry.name}: ${stderr.trim()}`, {
    code: "SERVICE_START",
    subject: entry.name,
    hint: "it is installed, and starts with the account's next session; there: systemctl --user --failed, and journalctl --user -u UNIT says why; barkeep services uninstall takes it back",
  });
}

async function makeFolders(host: Host, folders: readonly string[]): Promise<void> {
  const { code, stderr } = await runScript(host, `mkdir -p -- ${shellWords(folders)}`);
  if (code === 0) return;
  throw new UnavailableError(`${host.name} cannot keep the units: ${stderr.trim()}`, {
    code: "SERVICES_HOST",
    subject: host.name,
  });
}

import type { FleetHost } from "../config/index.ts";
import type { Host } from "../hosts/index.ts";
import type { Ledger } from "../ledger/index.ts";
import { RefusedError, UnavailableError } from "../model/errors.ts";
import type { ServiceName } from "../model/services.ts";
import { runScript } from "../queue/runner.ts";
import { shellWords } from "../queue/shell-words.ts";
import { findManager, lookAtUnits } from "./host-units.ts";
import { isRendered, unitsOf } from "./units.ts";

/** A task of pueue's that its daemon would kill at its end. */
const hasRunning =
  'pueue status --json 2>/dev/null | grep -qE \'"status":[[:space:]]*\\{[[:space:]]*"(Running|Paused)"\'';

/**
 * Stops services and removes their units; those that somebody else has put there stay, and so do settings.
 * @param isPlan only says which
 * @returns the services that were there
 * @throws RefusedError SERVICE_BUSY for pueue's daemon while it runs jobs; UnavailableError SERVICE_STOP
 */
export async function uninstallServices(
  host: Host,
  entry: FleetHost,
  names: readonly ServiceName[],
  ledger: Ledger,
  isPlan: boolean,
): Promise<readonly ServiceName[]> {
  const { folder, texts } = await lookAtUnits(host, entry, entry.directory, names);
  const installed = names.filter((name) => unitsOf(name).files.some((file) => isRendered(texts.get(file) ?? "")));
  if (installed.length === 0) return [];
  if (installed.includes("pueued")) await checkIdle(host, entry);
  if (isPlan) return installed;
  ledger.journal.record("services.removing", entry.name, { services: installed });
  const units = installed.map(unitsOf);
  const files = units.flatMap((unit) => unit.files);
  const lines = [
    findManager,
    "set -e",
    `systemctl --user disable --now --quiet ${shellWords(units.map(({ starts }) => starts))}`,
    `systemctl --user stop ${shellWords(files)}`,
    `rm -f -- ${shellWords(files.map((file) => `${folder}/${file}`))}`,
    "systemctl --user daemon-reload",
  ];
  const { code, stderr } = await runScript(host, lines.join("\n"));
  if (code === 0) return installed;
  throw new UnavailableError(`a service does not stop on ${entry.name}: ${stderr.trim()}`, {
    code: "SERVICE_STOP",
    subject: entry.name,
    hint: "there: systemctl --user status UNIT",
  });
}

async function checkIdle(host: Host, entry: FleetHost): Promise<void> {
  const { code } = await runScript(host, hasRunning);
  if (code !== 0) return;
  throw new RefusedError(`pueue's daemon on ${entry.name} runs jobs, which would end with it`, {
    code: "SERVICE_BUSY",
    subject: entry.name,
    hint: `wait until they have ended, or barkeep cancel JOB --host ${entry.name}`,
  });
}

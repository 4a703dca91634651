import type { FleetHost } from "../config/index.ts";
import type { Host } from "../hosts/index.ts";
import { RefusedError } from "../model/errors.ts";
import { runScript } from "../queue/runner.ts";
import { shellWord } from "../queue/shell-words.ts";
import { findManager } from "./host-units.ts";

/** A unit file by the name that it is to have. */
export interface UnitFile {
  readonly file: string;
  readonly text: string;
}

/**
 * Has a host's systemd look at units before anything is installed, in a folder that is gone afterwards.
 * @throws RefusedError SERVICE_UNIT with what it said
 */
export async function verifyUnits(host: Host, entry: FleetHost, units: readonly UnitFile[]): Promise<void> {
  const writes = units.map(({ file, text }) => `printf %s ${shellWord(text)} >"$folder/"${shellWord(file)}`);
  const lines = [
    findManager,
    "folder=$(mktemp -d) || exit 1",
    `trap 'rm -rf -- "$folder"' EXIT`,
    ...writes,
    'echo "folder $folder"',
    'systemd-analyze --user verify "$folder"/* 2>&1',
  ];
  const { code, stdout } = await runScript(host, lines.join("\n"));
  // It ends with 0 for a key that it does not know, and says so. What it says of other units of the account is not ours.
  const [first = "", ...rest] = stdout.trim().split("\n");
  const folder = `${first.replace(/^folder /, "")}/`;
  const said = rest.filter((line) => line.startsWith(folder) || units.some(({ file }) => line.startsWith(`${file}:`)));
  if (code === 0 && said.length === 0) return;
  const what = (said.length > 0 ? said : [first, ...rest]).join("; ").replaceAll(folder, "");
  throw new RefusedError(`systemd on ${entry.name} does not accept the units: ${what}`, {
    code: "SERVICE_UNIT",
    subject: entry.name,
    hint: "nothing was installed; its systemd is too old, or a program that they name is not there",
  });
}

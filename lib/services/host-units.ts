import { z } from "zod";
import type { FleetHost } from "../config/index.ts";
import type { Host } from "../hosts/index.ts";
import { UnavailableError } from "../model/errors.ts";
import type { ServiceName } from "../model/services.ts";
import { runScript } from "../queue/runner.ts";
import { shellWord, shellWords } from "../queue/shell-words.ts";
import { unitsOf } from "./units.ts";

/** What a host says of its systemd and of the services that are asked about. */
export interface HostUnits {
  readonly user: string;
  /** Where the account's own units are, absolute. */
  readonly folder: string;
  /** What its user manager says when it does not answer; undefined when it does. */
  readonly managerError: string | undefined;
  readonly lingers: boolean;
  readonly hasAnalyze: boolean;
  readonly pueued: string | undefined;
  /** A pueue daemon answers that is not the unit's. */
  readonly hasOtherPueued: boolean;
  /** Programs of the services that are there: files of ops/, without their ending. */
  readonly verbs: ReadonlySet<string>;
  /** Texts of unit files that are there, by name. */
  readonly texts: ReadonlyMap<string, string>;
  /** Properties of units as `systemctl show` prints them, by unit. */
  readonly properties: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

/** What a script begins with so that `systemctl --user` finds the account's manager; not every sshd sets it. */
export const findManager = `: "\${XDG_RUNTIME_DIR:=/run/user/$(id -u)}"; export XDG_RUNTIME_DIR`;

const shown = [
  "LoadState",
  "ActiveState",
  "SubState",
  "Result",
  "ExecMainStatus",
  "UnitFileState",
  "NextElapseUSecRealtime",
];

const answer = z.object({ user: z.string().min(1), folder: z.string().startsWith("/") });

/** Looks at a host; changes nothing. @throws UnavailableError HOST_UNITS, and what the host throws */
export async function lookAtUnits(
  host: Host,
  entry: FleetHost,
  root: string,
  names: readonly ServiceName[],
): Promise<HostUnits> {
  const units = names.map(unitsOf);
  const files = units.flatMap((unit) => unit.files);
  const programs = units.flatMap(({ verb }) => verb ?? []);
  const { stdout, stderr } = await runScript(host, script(root, programs, files));
  const values = new Map<string, string>();
  const texts = new Map<string, string[]>();
  const properties = new Map<string, Map<string, string>>();
  const verbs = new Set<string>();
  for (const line of stdout.split("\n")) {
    const [word = "", subject = "", ...rest] = line.split(" ");
    const text = rest.join(" ");
    if (word === "verb") verbs.add(subject);
    else if (word === "line") texts.set(subject, [...(texts.get(subject) ?? []), text]);
    else if (word === "show") {
      const [, name = "", value = ""] = /^(\w+)=(.*)$/.exec(text) ?? [];
      properties.set(subject, (properties.get(subject) ?? new Map<string, string>()).set(name, value));
    } else values.set(word, line.slice(word.length + 1));
  }
  const parsed = answer.safeParse(Object.fromEntries(values));
  if (!parsed.success) {
    throw new UnavailableError(`${entry.name} does not answer what it was asked: ${stderr.trim() || stdout.trim()}`, {
      code: "HOST_UNITS",
      subject: entry.name,
      hint: `barkeep doctor --host ${entry.name}`,
    });
  }
  return {
    ...parsed.data,
    managerError: values.get("manager-error")?.trim(),
    lingers: values.has("lingers"),
    hasAnalyze: values.has("analyze"),
    pueued: values.get("pueued"),
    hasOtherPueued: values.has("other-pueued"),
    verbs,
    texts: new Map([...texts].map(([name, lines]) => [name, `${lines.join("\n")}\n`])),
    properties,
  };
}

/** Every line is a word and what it says; of a unit file and of a unit's properties, the unit comes second. */
function script(root: string, verbs: readonly string[], files: readonly string[]): string {
  return `${findManager}
echo "user $(id -un)"
folder=\${XDG_CONFIG_HOME:-$HOME/.config}/systemd/user
echo "folder $folder"
if ! command -v systemctl >/dev/null; then
  systemctl() { return 1; }
  echo "manager-error there is no systemd"
else
  said=$(systemctl --user show --property=Version 2>&1) || echo "manager-error $(echo "$said" | tr '\\n' ' ')"
fi
[ -e "/var/lib/systemd/linger/$(id -un)" ] && echo lingers
command -v systemd-analyze >/dev/null && echo analyze
pueued=$(command -v pueued) && echo "pueued $pueued"
if ! systemctl --user is-active --quiet pueued.service && pueue status >/dev/null 2>&1; then echo other-pueued; fi
for verb in ${shellWords(verbs)}; do [ -e ${shellWord(root)}/ops/$verb.ts ] && echo "verb $verb"; done
for unit in ${shellWords(files)}; do
  [ -f "$folder/$unit" ] && sed "s/^/line $unit /" "$folder/$unit"
  systemctl --user show --property=${shown.join(",")} "$unit" 2>/dev/null | sed "s/^/show $unit /"
done
exit 0`;
}

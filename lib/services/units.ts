import { readFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../config/index.ts";
import type { ServiceName } from "../model/services.ts";

/** A service as systemd knows it. */
export interface ServiceUnits {
  /** Templates in systemd/, by the names that they have there too. */
  readonly files: readonly string[];
  /** The unit that is enabled and started. */
  readonly starts: string;
  /** The program of ours that it runs, a file in ops/; undefined where it runs another one's. */
  readonly verb: string | undefined;
  /** Whether starting it anew interrupts nothing but itself, so that an installation may do so. */
  readonly isRestarted: boolean;
}

const catalogue: Readonly<Record<ServiceName, ServiceUnits>> = {
  // Its end would be that of its jobs.
  pueued: { files: ["pueued.service"], starts: "pueued.service", verb: undefined, isRestarted: false },
  autoscale: daemon("barkeep-autoscale.service", "autoscale"),
  heal: daemon("barkeep-heal.service", "heal"),
  check: timer("barkeep-check", "detect-gaps"),
  heartbeat: timer("barkeep-heartbeat", "heartbeat"),
};

function daemon(file: string, verb: string): ServiceUnits {
  return { files: [file], starts: file, verb, isRestarted: true };
}

function timer(name: string, verb: string): ServiceUnits {
  return { files: [`${name}.service`, `${name}.timer`], starts: `${name}.timer`, verb, isRestarted: true };
}

/** The units of a service. */
export function unitsOf(name: ServiceName): ServiceUnits {
  return catalogue[name];
}

/** What the blanks of a template are filled with. */
export interface UnitValues {
  /** Node and barkeep's program, absolute, as the service is to start them. */
  readonly barkeep: readonly string[];
  /** Names where the settings are. */
  readonly settingsFile: string;
  /** The program of pueue's daemon; undefined where there is none. */
  readonly pueued: string | undefined;
}

/** The first line of what was rendered here, and of nothing else. */
const mark = "# Written by `barkeep services install`";

/** Whether a unit file was rendered here: no other one is overwritten or removed. */
export function isRendered(text: string): boolean {
  return text.startsWith(mark);
}

/** The text of one of systemd/'s units, its blanks filled. @throws Error for a blank that nothing fills */
export function renderUnit(file: string, values: UnitValues): string {
  const template = readFileSync(join(projectRoot, "systemd", file), "utf8");
  const blanks: Readonly<Partial<Record<string, string>>> = {
    barkeep: commandLine(values.barkeep),
    pueued: values.pueued === undefined ? undefined : commandLine([values.pueued]),
    settings: quote(`BARKEEP_SETTINGS=${values.settingsFile}`),
  };
  return template.replace(/@([a-z]+)@/g, (_blank, name: string) => {
    const text = blanks[name];
    if (text === undefined) throw new Error(`nothing fills @${name}@ of systemd/${file}`);
    return text;
  });
}

/** Words as systemd takes a command apart. The colon: a dollar in them begins no variable. */
function commandLine(words: readonly string[]): string {
  return `:${words.map((word) => quote(word)).join(" ")}`;
}

/** One word of a unit file: a percent sign begins a specifier everywhere. */
function quote(word: string): string {
  return `"${word.replace(/["\\]/g, String.raw`\$&`).replaceAll("%", "%%")}"`;
}

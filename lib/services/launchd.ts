import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { build, parse } from "plist";
import { z } from "zod";
import { UnavailableError } from "../model/errors.ts";
import { runScript, type Runner } from "../queue/runner.ts";
import { shellWord } from "../queue/shell-words.ts";

const agentLabel = "barkeep.heartbeat";
/** The agent of the older heartbeat, which would go on beside this one. */
const olderLabel = "com.eonlabs.rangebar-heartbeat";

/** What launchd is to run, and how often. */
export interface LaunchAgent {
  /** Absolute program, then its arguments. */
  readonly argv: readonly string[];
  readonly directory: string;
  readonly settingsFile: string;
  readonly logFile: string;
  readonly everySeconds: number;
}

/** The property list of an agent. A run that is due while the machine sleeps is made up for when it wakes. */
export function renderAgent({ argv, directory, settingsFile, logFile, everySeconds }: LaunchAgent): string {
  return build({
    Label: agentLabel,
    ProgramArguments: [...argv],
    WorkingDirectory: directory,
    EnvironmentVariables: { BARKEEP_SETTINGS: settingsFile },
    StartInterval: everySeconds,
    RunAtLoad: true,
    ProcessType: "Background",
    StandardOutPath: logFile,
    StandardErrorPath: logFile,
  });
}

const agentShape = z.object({ Label: z.string(), StartInterval: z.number(), ProgramArguments: z.array(z.string()) });

/** An agent as it is. */
export interface AgentStatus {
  readonly path: string;
  /** Undefined where there is no file, or it is none of ours. */
  readonly everySeconds: number | undefined;
  readonly isLoaded: boolean;
  /** As launchd says it; undefined where it never ran. */
  readonly lastExit: string | undefined;
}

/** The launch agents of one account, by `launchctl`. */
export class Launchd {
  readonly #runner: Runner;
  readonly #folder: string;
  readonly #domain: string;

  constructor(runner: Runner, home: string, uid: number) {
    this.#runner = runner;
    this.#folder = join(home, "Library", "LaunchAgents");
    this.#domain = `gui/${uid}`;
  }

  get path(): string {
    return join(this.#folder, `${agentLabel}.plist`);
  }

  /** Where the older agent's file is, if it is there or launchd runs it. */
  async olderAgent(): Promise<string | undefined> {
    const path = join(this.#folder, `${olderLabel}.plist`);
    const isThere = existsSync(path) || (await this.#print(olderLabel)) !== undefined;
    return isThere ? path : undefined;
  }

  /** Ends the older agent and keeps it from being loaded at the next login; its file stays, under another name. */
  async unloadOlder(path: string): Promise<void> {
    const moved = `${path}.replaced`;
    await this.#run(
      `launchctl bootout ${shellWord(`${this.#domain}/${olderLabel}`)} 2>/dev/null
if [ -e ${shellWord(path)} ]; then mv ${shellWord(path)} ${shellWord(moved)}; fi`,
    );
  }

  /** Has launchd run what the file at {@link path} says, from now on. @throws UnavailableError LAUNCHD */
  async load(): Promise<void> {
    await this.#run(
      `launchctl bootout ${shellWord(`${this.#domain}/${agentLabel}`)} 2>/dev/null
launchctl bootstrap ${shellWord(this.#domain)} ${shellWord(this.path)}`,
    );
  }

  /** Ends the agent and removes its file. @returns false where there was none */
  async remove(): Promise<boolean> {
    const { everySeconds, isLoaded } = await this.status();
    if (everySeconds === undefined && !isLoaded) return false;
    await this.#run(
      `launchctl bootout ${shellWord(`${this.#domain}/${agentLabel}`)} 2>/dev/null
rm -f ${shellWord(this.path)}`,
    );
    return true;
  }

  async status(): Promise<AgentStatus> {
    const text = existsSync(this.path) ? readFileSync(this.path, "utf8") : undefined;
    const agent = text === undefined ? undefined : agentShape.safeParse(parse(text)).data;
    const said = await this.#print(agentLabel);
    return {
      path: this.path,
      everySeconds: agent?.StartInterval,
      isLoaded: said !== undefined,
      lastExit: /last exit code = (.*)/.exec(said ?? "")?.[1],
    };
  }

  /** What launchd says of an agent; undefined where it has none of that name. */
  async #print(label: string): Promise<string | undefined> {
    const { code, stdout } = await runScript(
      this.#runner,
      `launchctl print ${shellWord(`${this.#domain}/${label}`)} 2>/dev/null`,
    );
    return code === 0 ? stdout : undefined;
  }

  async #run(script: string): Promise<void> {
    const { code, stderr } = await runScript(this.#runner, script);
    if (code === 0) return;
    throw new UnavailableError(`launchd does not take it: ${stderr.trim()}`, {
      code: "LAUNCHD",
      subject: this.path,
      hint: `launchctl print ${this.#domain}/${agentLabel} says what it knows of it`,
    });
  }
}

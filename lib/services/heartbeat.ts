import { existsSync, readFileSync, rmSync } from "node:fs";
import { homedir, hostname, userInfo } from "node:os";
import { dirname, join } from "node:path";
import { projectRoot, type FleetHost, type ProcessEnvironment, type Settings } from "../config/index.ts";
import { ensureFolder } from "../files/folders.ts";
import { LocalHost } from "../hosts/local-host.ts";
import type { Ledger } from "../ledger/index.ts";
import { Failure, RefusedError } from "../model/errors.ts";
import { cronLine, findCronLine } from "./cron.ts";
import { servicePlace, type ServicePlace } from "./host-settings.ts";
import { installServices, showServices } from "./install.ts";
import { Launchd, renderAgent } from "./launchd.ts";
import { serviceStatus } from "./status.ts";
import { uninstallServices } from "./uninstall.ts";

export const schedulers = ["launchd", "systemd", "cron"] as const;
/** What runs the heartbeat every quarter of an hour. */
export type Scheduler = (typeof schedulers)[number];

const everyMinutes = 15;

/** The one that was asked for, or the one that this machine has by its kind. */
export function schedulerOf(asked: Scheduler | undefined): Scheduler {
  return asked ?? (process.platform === "darwin" ? "launchd" : "systemd");
}

/** How the schedule of this machine's heartbeat is. */
export interface ScheduleStatus {
  /** Undefined where nobody could look. */
  readonly isInstalled: boolean | undefined;
  /** One line. */
  readonly text: string;
}

/** What would be installed. */
export interface SchedulePlan {
  /** What would be written, or, for cron, what a person puts into the crontab. */
  readonly text: string;
  /** What an installation would be refused for. */
  readonly obstacles: readonly RefusedError[];
}

/** The heartbeat of this machine's state directory, run by a scheduler of this account. */
export class HeartbeatSchedule implements AsyncDisposable {
  readonly #settings: Settings;
  readonly #host: LocalHost;
  readonly #entry: FleetHost;
  readonly #place: ServicePlace;
  readonly #launchd: Launchd;

  constructor(settings: Settings, env: ProcessEnvironment) {
    this.#settings = settings;
    this.#host = new LocalHost(hostname());
    this.#entry = thisMachine(settings);
    this.#place = servicePlace(this.#entry, settings, env);
    this.#launchd = new Launchd(this.#host, homedir(), userInfo().uid);
  }

  /** @param replacesOlder whether the agent of the older heartbeat would be unloaded, and so is none of the obstacles */
  async plan(scheduler: Scheduler, replacesOlder: boolean): Promise<SchedulePlan> {
    switch (scheduler) {
      case "launchd": {
        const older = replacesOlder ? undefined : await this.#launchd.olderAgent();
        return { text: this.#agent, obstacles: older === undefined ? [] : [olderHeartbeat(older)] };
      }
      case "systemd": {
        const { units, obstacles } = await showServices(this.#host, this.#entry, this.#place, ["heartbeat"]);
        return { text: units.map(({ file, text }) => `# ${file}\n${text}`).join("\n"), obstacles };
      }
      case "cron": {
        const text = cronLine(everyMinutes, this.#place.settingsFile, this.#argv, this.#logFile);
        return { text, obstacles: [] };
      }
      default:
        return scheduler satisfies never;
    }
  }

  /**
   * Installs it and has it run from now on; for cron, writes the settings that the line of {@link plan} names.
   * @param replacesOlder whether the agent of the older heartbeat is unloaded
   * @throws RefusedError OLDER_HEARTBEAT where that one would go on; what systemd and launchd refuse
   */
  async install(scheduler: Scheduler, replacesOlder: boolean, ledger: Ledger): Promise<void> {
    if (scheduler === "systemd") {
      await installServices(this.#host, this.#entry, this.#place, ["heartbeat"], ledger);
      return;
    }
    const older = scheduler === "launchd" ? await this.#launchd.olderAgent() : undefined;
    if (older !== undefined && !replacesOlder) throw olderHeartbeat(older);
    ledger.journal.record("services.installing", this.#entry.name, { services: ["heartbeat"], scheduler });
    ensureFolder(dirname(this.#logFile), 0o700);
    for (const { path, text } of this.#place.files) {
      ensureFolder(dirname(path), 0o700);
      await this.#host.writeFile(path, text);
    }
    if (scheduler === "cron") return;
    await this.#loadAgent();
    // Not before: two that look at once do no harm, none is what nobody is told of.
    if (older !== undefined) await this.#launchd.unloadOlder(older);
  }

  /** Ends it and removes what was installed; a crontab is its owner's. @returns false where there was nothing */
  async uninstall(scheduler: Scheduler, ledger: Ledger): Promise<boolean> {
    switch (scheduler) {
      case "launchd":
        return this.#launchd.remove();
      case "systemd":
        return (await uninstallServices(this.#host, this.#entry, ["heartbeat"], ledger, false)).length > 0;
      case "cron":
        return false;
      default:
        return scheduler satisfies never;
    }
  }

  async status(scheduler: Scheduler): Promise<ScheduleStatus> {
    switch (scheduler) {
      case "launchd": {
        const { everySeconds, isLoaded, lastExit, path } = await this.#launchd.status();
        if (everySeconds === undefined) return { isInstalled: false, text: `launchd: there is no ${path}` };
        const loaded = isLoaded ? "loaded" : "not loaded";
        const text = `launchd: every ${everySeconds / 60} minutes, ${loaded}; last exit code ${lastExit ?? "none yet"}`;
        return { isInstalled: isLoaded, text };
      }
      case "systemd": {
        const [found] = await serviceStatus(this.#host, this.#entry, ["heartbeat"]);
        if (found?.installed !== "yes") return { isInstalled: false, text: "systemd: not installed" };
        const more = [found.failure, found.next === undefined ? undefined : `next ${found.next}`];
        const text = ["systemd:", found.state, ...more.filter((one) => one !== undefined)].join(" ");
        return { isInstalled: found.isEnabled, text };
      }
      case "cron":
        return this.#cronStatus();
      default:
        return scheduler satisfies never;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#host.close();
  }

  /** What launchd does not take is not left for the next login to load: what was there before is put back. */
  async #loadAgent(): Promise<void> {
    const { path } = this.#launchd;
    const before = existsSync(path) ? readFileSync(path) : undefined;
    const { isLoaded } = await this.#launchd.status();
    ensureFolder(dirname(path), 0o755);
    await this.#host.writeFile(path, this.#agent, 0o644);
    try {
      await this.#launchd.load();
    } catch (error) {
      if (before === undefined) rmSync(path);
      else await this.#host.writeFile(path, before, 0o644);
      if (before !== undefined && isLoaded) await this.#loadAgain();
      throw error;
    }
  }

  /** The agent that ran until now; that the newer one was not taken is what is told. */
  async #loadAgain(): Promise<void> {
    try {
      await this.#launchd.load();
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
    }
  }

  async #cronStatus(): Promise<ScheduleStatus> {
    const { settingsFile } = this.#place;
    const { line, failure } = await findCronLine(this.#host, settingsFile);
    if (failure !== undefined) {
      return { isInstalled: undefined, text: `cron: whether its table has the line is not known: ${failure}` };
    }
    if (line !== undefined) return { isInstalled: true, text: `cron: ${line}` };
    return { isInstalled: false, text: `cron: no line of this account's crontab runs it with ${settingsFile}` };
  }

  get #agent(): string {
    return renderAgent({
      argv: this.#argv,
      directory: projectRoot,
      settingsFile: this.#place.settingsFile,
      logFile: this.#logFile,
      everySeconds: everyMinutes * 60,
    });
  }

  get #argv(): string[] {
    return [...this.#place.barkeep, "heartbeat", "--once", "--every", String(everyMinutes)];
  }

  get #logFile(): string {
    return join(this.#settings.stateDirectory, "logs", "heartbeat.log");
  }
}

/** This machine as a host of a fleet, whether its fleet file names it or not. */
function thisMachine({ stateDirectory }: Settings): FleetHost {
  return {
    name: hostname(),
    sshAlias: undefined,
    directory: stateDirectory,
    queue: "local",
    memoryMb: 1,
    jobsMax: 1,
    storeUrl: undefined,
    thresholds: undefined,
    services: ["heartbeat"],
  };
}

function olderHeartbeat(path: string): RefusedError {
  return new RefusedError("the older heartbeat is installed and would go on beside this one", {
    code: "OLDER_HEARTBEAT",
    subject: path,
    hint: "barkeep heartbeat install --replace unloads it and keeps its file under another name",
  });
}

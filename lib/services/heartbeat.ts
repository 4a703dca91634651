import { homedir, hostname, userInfo } from "node:os";
import { dirname, join } from "node:path";
import { projectRoot, type FleetHost, type ProcessEnvironment, type Settings } from "../config/index.ts";
import { ensureFolder } from "../files/folders.ts";
import { LocalHost } from "../hosts/local-host.ts";
import type { Ledger } from "../ledger/index.ts";
import { RefusedError } from "../model/errors.ts";
import { cronLine } from "./cron.ts";
import { servicePlace, type ServicePlace } from "./host-settings.ts";
import { installServices, planServices } from "./install.ts";
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
  readonly isInstalled: boolean;
  /** One line. */
  readonly text: string;
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

  /** What would be written, or, for cron, what a person puts into the crontab. */
  async plan(scheduler: Scheduler): Promise<string> {
    switch (scheduler) {
      case "launchd":
        return this.#agent;
      case "systemd": {
        const { units } = await planServices(this.#host, this.#entry, this.#place, ["heartbeat"]);
        return units.map(({ file, text }) => `# ${file}\n${text}`).join("\n");
      }
      case "cron":
        return cronLine(everyMinutes, this.#place.settingsFile, this.#argv, this.#logFile);
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
    ensureFolder(dirname(this.#launchd.path), 0o755);
    await this.#host.writeFile(this.#launchd.path, this.#agent, 0o644);
    await this.#launchd.load();
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
        return { isInstalled: false, text: "cron: its table is not looked at; crontab -l shows it" };
      default:
        return scheduler satisfies never;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#host.close();
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

import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { drainPending, Session } from "chdb";
import { ensureFolder } from "../../files/folders.ts";
import { UnavailableError } from "../../model/errors.ts";
import { storeFailure } from "../errors.ts";
import { engineSessionSettings, writeEngineConfiguration } from "./engine-settings.ts";
import { claimStore } from "./claim.ts";
import { clearOwner, readOwner, thisProcess, writeOwner, type Owner } from "./owner.ts";
import { sweepLeftBehind } from "./left-behind.ts";
import { passwordLeft } from "./owner-token.ts";
import { Spool } from "./spool.ts";

/** Between tries at the engine's lock. */
const lockPausesMs = [100, 400, 1_500];

/**
 * The embedded engine, open in this process, which owns its state directory until `close`. One per process; it runs in
 * the main thread only (in a worker it hangs or crashes).
 */
export class Engine {
  readonly stateDirectory: string;
  /** The engine's own folder. */
  readonly path: string;
  readonly spool: Spool;
  /** What the owner before this one was reached with, if it died; see `passwordLeft`. */
  readonly passwordLeft: string | undefined;
  readonly #first: Session;

  private constructor(stateDirectory: string, path: string, first: Session, password: string | undefined) {
    this.stateDirectory = stateDirectory;
    this.path = path;
    this.spool = new Spool(stateDirectory);
    this.passwordLeft = password;
    this.#first = first;
  }

  /**
   * @throws RefusedError STORE_OWNED naming the process that has it
   * @throws ConfigurationError STATE_NOT_WRITABLE, UnavailableError DISK_FULL or STORE_OPEN_FAILED
   */
  static async open(stateDirectory: string): Promise<Engine> {
    const path = join(stateDirectory, "store");
    try {
      ensureFolder(path, 0o700);
      for (const folder of [stateDirectory, path]) accessSync(folder, constants.W_OK | constants.X_OK);
      const password = passwordLeft(stateDirectory);
      const first = await openFirst(stateDirectory, path);
      try {
        if (readOwner(stateDirectory)?.pid !== process.pid) writeOwner(stateDirectory, thisProcess());
        sweepLeftBehind(stateDirectory);
        return new Engine(stateDirectory, path, first, password);
      } catch (error) {
        first.close();
        clearOwner(stateDirectory);
        throw error;
      }
    } catch (error) {
      throw storeFailure(error, stateDirectory);
    }
  }

  /** A session of its own settings, for one request or one stream; costs well under a millisecond. */
  async session(): Promise<Session> {
    const session = new Session(this.path);
    for (const [name, value] of Object.entries(engineSessionSettings)) {
      await session.queryAsync(`SET ${name} = ${value}`);
    }
    return session;
  }

  /** Says in the owner's file where this process serves the store. */
  announce(address: Pick<Owner, "url" | "user" | "password">): void {
    writeOwner(this.stateDirectory, { ...thisProcess(), ...address });
  }

  /** Waits for statements that nobody waits for any more: the engine keeps its lock until they have ended. */
  async settled(): Promise<void> {
    await drainPending();
  }

  /** Closes the engine, at once if nothing runs in it any more, and then takes the owner's name away. */
  close(): void {
    this.#first.close();
    clearOwner(this.stateDirectory);
  }
}

/**
 * Opens the engine under this process's name. Where its lock is held by a process that is not named (it is ending; or two took
 * over at the same moment, and the one with the lock lost its place in the file, which it gets again once it is open), it is
 * tried again a few times: each failure prints its reason to stderr, which the engine keeps from the error.
 */
async function openFirst(stateDirectory: string, path: string): Promise<Session> {
  for (let tries = 0; ; tries += 1) {
    claimStore(stateDirectory);
    try {
      return startEngine(path, writeEngineConfiguration(stateDirectory));
    } catch (error) {
      clearOwner(stateDirectory);
      const pauseMs = lockPausesMs[tries];
      if (!(error instanceof UnavailableError) || pauseMs === undefined) throw error;
      await delay(pauseMs);
    }
  }
}

function startEngine(path: string, configuration: string): Session {
  try {
    // The limits count only in the session that starts the engine.
    return new Session(path, { connectionArgs: [`--config-file=${configuration}`] });
  } catch (error) {
    throw new UnavailableError("the embedded engine could not open its folder", {
      code: "STORE_OPEN_FAILED",
      subject: path,
      hint: "its reason is on stderr; code 76 means that a process which is not named in owner.json has it open",
      cause: error,
    });
  }
}

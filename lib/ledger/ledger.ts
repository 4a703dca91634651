import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { ConfigurationError, RefusedError } from "../model/errors.ts";
import { Archives } from "./archives.ts";
import { Attempts } from "./attempts.ts";
import { systemClock, type Clock } from "./clock.ts";
import { Deliveries } from "./deliveries.ts";
import type { LedgerFile } from "./file.ts";
import { HealTries } from "./heal-tries.ts";
import { Heartbeats } from "./heartbeats.ts";
import { Incidents } from "./incidents.ts";
import { HostNotes } from "./host-notes.ts";
import { JobAttempts } from "./job-attempts.ts";
import { Journal } from "./journal.ts";
import { Mirror } from "./mirror.ts";
import { openLedgerFile } from "./open-file.ts";
import { Outbox } from "./outbox.ts";
import { Plans } from "./plans.ts";

/** Where a state directory's ledger is. */
export function ledgerPath(stateDirectory: string): string {
  return join(stateDirectory, "ledger.sqlite");
}

const factRow = z.object({ value: z.string() });

/**
 * What this state directory knows beside the store: plans, attempts, what was decided and when, a mirror of the store's coverage
 * and checkpoints, incidents, messages to be delivered. Losing it loses no bars. Close it when done.
 *
 * Before an action: `ledger.journal.record("build.dropped", unit, { build })`; the row is on disk when that returns.
 */
export class Ledger implements Disposable {
  readonly path: string;
  readonly clock: Clock;
  readonly journal: Journal;
  readonly attempts: Attempts;
  readonly jobAttempts: JobAttempts;
  readonly plans: Plans;
  readonly healTries: HealTries;
  readonly mirror: Mirror;
  readonly incidents: Incidents;
  readonly outbox: Outbox;
  readonly deliveries: Deliveries;
  readonly heartbeats: Heartbeats;
  readonly archives: Archives;
  readonly hostNotes: HostNotes;
  readonly #file: LedgerFile;

  constructor(file: LedgerFile, clock: Clock) {
    this.path = file.path;
    this.clock = clock;
    this.#file = file;
    this.journal = new Journal(file, clock);
    this.attempts = new Attempts(file, clock, this.journal);
    this.jobAttempts = new JobAttempts(file, clock);
    this.plans = new Plans(file, clock);
    this.healTries = new HealTries(file, clock, this.journal);
    this.mirror = new Mirror(file);
    this.incidents = new Incidents(file, clock, this.journal);
    this.outbox = new Outbox(file, clock, this.journal);
    this.deliveries = new Deliveries(file, clock);
    this.heartbeats = new Heartbeats(file, clock);
    this.archives = new Archives(file);
    this.hostNotes = new HostNotes(file, clock);
  }

  /** Several writes as one: all of them or none. Short: other processes wait. */
  transaction<T>(work: () => T): T {
    return this.#file.transaction(work);
  }

  /** The id of the store that this ledger belongs to; undefined before it has met one. */
  get storeId(): string | undefined {
    return this.#file.row("SELECT value FROM facts WHERE name = 'store_id'", factRow)?.value;
  }

  /**
   * The first store that a ledger meets is the one it belongs to.
   * @throws RefusedError LEDGER_OTHER_STORE for any other
   */
  belongTo(storeId: string): void {
    this.transaction(() => {
      if (this.checkBelongsTo(storeId)) return;
      this.journal.record("ledger.met-store", storeId);
      this.#file.run("INSERT INTO facts (name, value) VALUES ('store_id', ?)", storeId);
    });
  }

  /** @returns whether it has met a store before @throws RefusedError LEDGER_OTHER_STORE */
  checkBelongsTo(storeId: string): boolean {
    const known = this.storeId;
    if (known !== undefined && known !== storeId) throw this.#otherStore(known, storeId);
    return known !== undefined;
  }

  close(): void {
    this.#file.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #otherStore(known: string, met: string): RefusedError {
    return new RefusedError(`the ledger belongs to store ${known}, and this one is ${met}`, {
      code: "LEDGER_OTHER_STORE",
      subject: this.path,
      hint: "name the state directory of this store with --state; if the ledger's own store is gone for good, barkeep ledger rebuild begins anew with this one",
    });
  }
}

/** What a test may change. */
export interface LedgerOptions {
  readonly clock?: Clock;
  readonly timeoutMs?: number;
}

/** Opens a state directory's ledger; makes it where there is none. @throws what {@link openLedgerFile} throws */
export function openLedger(stateDirectory: string, options: LedgerOptions = {}): Ledger {
  const file = openLedgerFile(ledgerPath(stateDirectory), options.timeoutMs);
  return new Ledger(file, options.clock ?? systemClock);
}

/**
 * The same where reading must not make a ledger.
 * @param namedWith what a person names the directory with
 * @throws ConfigurationError NO_LEDGER
 */
export function openExistingLedger(stateDirectory: string, namedWith = "--state or BARKEEP_STATE"): Ledger {
  if (existsSync(ledgerPath(stateDirectory))) return openLedger(stateDirectory);
  throw new ConfigurationError("there is no ledger in the state directory", {
    code: "NO_LEDGER",
    subject: stateDirectory,
    hint: `name another one with ${namedWith}; populate and populate --plan make one`,
  });
}

import type { AutoscaleSettings, ProcessEnvironment, Settings } from "../../config/index.ts";
import type { Ledger } from "../../ledger/index.ts";
import { Failure, RetryableError } from "../../model/errors.ts";
import { decide } from "../../plan/scaler/decide.ts";
import { initialState, type Decision, type ScalerState } from "../../plan/scaler/decision.ts";
import { decisionDocument } from "../../plan/scaler/explain.ts";
import { scalerLimits, type ScalerLimits } from "../../plan/scaler/limits.ts";
import type { HostReading } from "../../plan/scaler/reading.ts";
import type { OpenFleetHost } from "../fleet-host.ts";
import { memoryOf, tellHost } from "../drain-word.ts";
import { forgetHolds, standingHolds } from "../holds.ts";
import { drainOf, type HostMemory } from "../host-memory.ts";
import { unattendedLabels } from "../look.ts";
import { carryOut } from "./carry-out.ts";
import { readHostSigns } from "./host-signs.ts";
import { runs } from "../live.ts";
import { blindReading, readingOf, type QueueLook } from "./reading.ts";
import { Requeue, type Requeued } from "./requeue.ts";
import { readScalerState, writeScalerState } from "./scaler-state.ts";

/** What became of one look at a host. */
export interface ScaledHost {
  readonly decision: Decision;
  /** What became of jobs that had been stopped to make room. */
  readonly requeued: Requeued;
  /** Why it could not be looked at, or why not all of it could be done. */
  readonly failure: Failure | undefined;
  /** What else a person is to know of it. */
  readonly notes: readonly string[];
}

/** The rules, with the operator's limits for hosts that do not measure pressure. */
function limitsOf({ cpu, memory, groupMax }: AutoscaleSettings): ScalerLimits {
  return { ...scalerLimits, load: { cpu, memory }, groupMax };
}

/**
 * Decides for a host again and again. What has to be remembered between is on the host and in the ledger, so that any other run goes on
 * from there.
 */
export class HostScaler {
  readonly #fleetHost: OpenFleetHost;
  readonly #isApplied: boolean;
  readonly #settings: Settings;
  readonly #ledger: Ledger;
  readonly #requeue: Requeue;
  #recorded: { readonly key: string; readonly atMs: number } | undefined;

  /** @param isApplied else it is only said what would be done, and nothing is changed, on the host or in the ledger */
  constructor(
    fleetHost: OpenFleetHost,
    isApplied: boolean,
    settings: Settings,
    env: ProcessEnvironment,
    ledger: Ledger,
  ) {
    this.#fleetHost = fleetHost;
    this.#isApplied = isApplied;
    this.#settings = settings;
    this.#ledger = ledger;
    this.#requeue = new Requeue(fleetHost, settings, env, ledger);
  }

  /** Looks, decides and, where that is asked for, does it. A host that fails is a decision to do nothing, with its failure. */
  async step(): Promise<ScaledHost> {
    const notes: string[] = [];
    try {
      return { ...(await this.#step((line) => notes.push(line))), notes };
    } catch (error) {
      // Another process has the ledger for longer than a statement waits: the next look may be luckier.
      if (!(error instanceof RetryableError)) throw error;
      const nowMs = this.#ledger.clock.wallMs();
      const reading = blindReading(this.#fleetHost.entry, nowMs, error.message);
      return { decision: decide(reading, initialState, scalerLimits, nowMs), requeued: none, failure: error, notes };
    }
  }

  async #step(say: (line: string) => void): Promise<Omit<ScaledHost, "notes">> {
    const { name } = this.#fleetHost.entry;
    const { reading, look, failure } = await this.#read(say);
    const nowMs = this.#ledger.clock.wallMs();
    const before = readScalerState(this.#ledger, name);
    const decision = decide(reading, before, limitsOf(this.#settings.autoscale), nowMs);
    if (!this.#isApplied || look === undefined) {
      if (this.#isApplied) this.#record(decision);
      return { decision, requeued: none, failure };
    }
    this.#ledger.transaction(() => {
      this.#record(decision);
      writeScalerState(this.#ledger, name, withoutRelief(decision.state, before));
    });
    try {
      await this.#carryOut(decision, look, before);
      await this.#forgetHolds(look, nowMs);
      const requeued = await this.#requeue.step(look, decision.isAdmitting);
      return { decision, requeued, failure };
    } catch (error) {
      if (error instanceof Failure) return { decision, requeued: none, failure: error };
      throw error;
    }
  }

  /** That a job was ended is remembered once it was: what could not be done is decided anew. */
  async #carryOut({ state, actions }: Decision, look: QueueLook, before: ScalerState): Promise<void> {
    let kept = withoutRelief(state, before);
    await carryOut(this.#fleetHost, look, actions, this.#ledger, ({ action, unit }) => {
      const killedAtMs = action === "kill" ? state.killedAtMs : kept.killedAtMs;
      const asked = state.stops.filter((stop) => stop.unit === unit && !kept.stops.includes(stop));
      kept = { ...kept, killedAtMs, stops: [...kept.stops, ...asked] };
      writeScalerState(this.#ledger, this.#fleetHost.entry.name, kept);
    });
  }

  async #read(say: (line: string) => void): Promise<{
    readonly reading: HostReading;
    readonly look: QueueLook | undefined;
    readonly failure: Failure | undefined;
  }> {
    const { entry, host, queue } = this.#fleetHost;
    try {
      const { memory, unkept } = await this.#remembered(say);
      const snapshot = await queue.poll();
      const unattended = await unattendedLabels(this.#fleetHost, snapshot);
      const look = { memory, snapshot, unattended, holds: standingHolds(memory, snapshot.groups) };
      const running = snapshot.tasks.filter((task) => runs(task, unattended)).map(({ label }) => label);
      const signs = await readHostSigns(host, entry.directory, running);
      const isDrained = drainOf(memory) !== undefined;
      const reading = readingOf(entry, look, signs, this.#ledger.clock.wallMs());
      return { reading: { ...reading, isDrained }, look, failure: unkept };
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      const lost = error instanceof RetryableError || error.code.startsWith("HOST_") ? error.message : undefined;
      return { reading: blindReading(entry, this.#ledger.clock.wallMs(), lost), look: undefined, failure: error };
    }
  }

  /** A host that cannot write down what it is told, as on a full disk, is looked at all the same: its memory may be short. */
  async #remembered(say: (line: string) => void): Promise<{
    readonly memory: HostMemory;
    readonly unkept: Failure | undefined;
  }> {
    try {
      if (this.#isApplied) return { memory: await tellHost(this.#fleetHost, this.#ledger, say), unkept: undefined };
    } catch (error) {
      if (!(error instanceof Failure) || !cannotKeep.has(error.code)) throw error;
      return { memory: await memoryOf(this.#fleetHost, this.#ledger), unkept: error };
    }
    return { memory: await memoryOf(this.#fleetHost, this.#ledger), unkept: undefined };
  }

  /**
   * A group that somebody let go is no longer ours to let go. A hold that is only just noted is left: another command may be about to
   * pause its group.
   */
  async #forgetHolds({ memory, holds }: QueueLook, nowMs: number): Promise<void> {
    const over = memory.holds.filter(
      ({ group, since }) => !holds.has(group) && Math.abs(nowMs - Date.parse(since)) > holdSettlesMs,
    );
    await forgetHolds(this.#fleetHost, over);
  }

  /** Each decision is a row; one that says the same as the last and does nothing, once a minute. */
  #record(decision: Decision): void {
    const { host, atMs, verdict, actions, isAdmitting, groups } = decision;
    const parallels = groups.map(({ group, from, to }) => [group, from, to]);
    const key = JSON.stringify([verdict, isAdmitting, parallels]);
    const last = this.#recorded;
    if (actions.length === 0 && last?.key === key && atMs - last.atMs < sameAgainMs) return;
    this.#ledger.journal.record("scaler.decided", host, decisionDocument(decision));
    this.#recorded = { key, atMs };
  }
}

/** What a decision leaves to be remembered, but for the jobs that it ends. */
function withoutRelief(state: ScalerState, { killedAtMs, stops }: ScalerState): ScalerState {
  return { ...state, killedAtMs, stops: state.stops.filter((stop) => stops.includes(stop)) };
}

/** What a host says that can be read, and not written. */
const cannotKeep: ReadonlySet<string> = new Set(["HOST_WRITE", "HOST_MEMORY_BUSY"]);

const none: Requeued = { jobs: [], left: [] };
const sameAgainMs = 60_000;
const holdSettlesMs = 60_000;

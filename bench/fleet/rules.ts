import type { Ended, SimulatedHost } from "./host.ts";

/** Whose rules decide what runs. */
export interface Rules {
  /** Puts the plan's jobs before the host. */
  begin(host: SimulatedHost): void;
  /** An attempt ended. */
  ended(host: SimulatedHost, ended: Ended, nowMs: number): void;
  /** Called at every step of the clock. */
  tick(host: SimulatedHost, nowMs: number): void;
  /** Is nothing left to be done? */
  readonly isFinished: boolean;
  readonly outcome: RulesOutcome;
}

export interface RulesOutcome {
  done: number;
  givenUp: number;
  /** Steps up that followed one down, or the other way round. */
  turns: number;
  steps: number;
  stopsAsked: number;
  kills: number;
  /** The longest that a job was first in line and had no room. */
  longestBlockedMs: number;
}

export function noOutcome(): RulesOutcome {
  return { done: 0, givenUp: 0, turns: 0, steps: 0, stopsAsked: 0, kills: 0, longestBlockedMs: 0 };
}

/** Counts steps, and those that turn round. */
export class Turns {
  #last = 0;
  readonly #outcome: RulesOutcome;

  constructor(outcome: RulesOutcome) {
    this.#outcome = outcome;
  }

  /** @param change of the sum of all groups' parallels */
  add(change: number): void {
    const sign = Math.sign(change);
    if (sign === 0) return;
    this.#outcome.steps += 1;
    if (this.#last !== 0 && sign !== this.#last) this.#outcome.turns += 1;
    this.#last = sign;
  }
}

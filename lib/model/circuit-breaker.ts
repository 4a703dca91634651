/** How a breaker paces tries at something that does not answer. */
export interface BreakerLimits {
  /** The first pause; each further one is twice as long. */
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
  /** Silence in total, since the last progress, after which nothing is tried any more. */
  readonly silenceMs: number;
}

/** Closed: work goes on. Open: nothing is tried until the pause is over. Half open: one try is under way. */
export type BreakerState = "closed" | "open" | "half-open";

/**
 * Decides when work that failed because something is away may be tried again. Pure but for the clock and the dice it is given.
 *
 * An answer ends the silence but does not close the breaker: progress does. So what answers and then fails at the same point
 * each time (a server that dies of one statement) is given up too.
 */
export class CircuitBreaker {
  readonly #limits: BreakerLimits;
  readonly #nowMs: () => number;
  readonly #random: () => number;
  #state: BreakerState = "closed";
  #pauses = 0;
  /** Silences that an answer ended, since the last progress. */
  #silentMs = 0;
  #silentSinceMs: number | undefined;

  /**
   * @param nowMs a clock that does not jump
   * @param random from 0 up to 1
   */
  constructor(limits: BreakerLimits, nowMs: () => number = () => performance.now(), random = Math.random) {
    this.#limits = limits;
    this.#nowMs = nowMs;
    this.#random = random;
  }

  get state(): BreakerState {
    return this.#state;
  }

  /** True from a failure until the next answer. */
  get isSilent(): boolean {
    return this.#silentSinceMs !== undefined;
  }

  /**
   * A try failed because the other side is away: opens.
   * @returns how long to pause, in ms; undefined when the silence has lasted too long. The last try comes at its very end.
   */
  failed(): number | undefined {
    const now = this.#nowMs();
    this.#silentSinceMs ??= now;
    this.#state = "open";
    const leftMs = this.#limits.silenceMs - this.#silentMs - (now - this.#silentSinceMs);
    if (leftMs <= 0) return undefined;
    const longest = Math.min(this.#limits.firstPauseMs * 2 ** this.#pauses, this.#limits.longestPauseMs);
    this.#pauses += 1;
    // Several that wait for the same one do not come back in step.
    return Math.min(longest * (0.5 + this.#random() / 2), leftMs);
  }

  /** The pause is over, and one try begins. */
  retry(): void {
    if (this.#state === "open") this.#state = "half-open";
  }

  /** The other side answers. @returns true where it was silent before */
  answered(): boolean {
    if (this.#silentSinceMs === undefined) return false;
    this.#state = "half-open";
    this.#silentMs += this.#nowMs() - this.#silentSinceMs;
    this.#silentSinceMs = undefined;
    return true;
  }

  /** Something was achieved: closes, and all is forgotten. */
  progressed(): void {
    this.#state = "closed";
    this.#pauses = 0;
    this.#silentMs = 0;
    this.#silentSinceMs = undefined;
  }
}

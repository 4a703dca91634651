import { formatCount, formatSeconds } from "./text-table.ts";

/** How often a line is written where the output is no terminal. */
const plainEveryMs = 5_000;
const paintEveryMs = 200;

/** Where a run is: what was done so far, of how many days. */
export interface ProgressState {
  readonly subject: string;
  readonly daysDone: number;
  readonly daysTotal: number;
  readonly trades: bigint;
  readonly bars: number;
  readonly elapsedMs: number;
}

/** One line: days, rate, bars, time left. */
export function renderProgress(state: ProgressState): string {
  const seconds = Math.max(state.elapsedMs / 1000, 0.001);
  const rate = Math.round(Number(state.trades) / seconds);
  const left = state.daysTotal - state.daysDone;
  const eta = state.daysDone === 0 ? "" : `, ${formatSeconds((seconds / state.daysDone) * left)} left`;
  const days = `${state.daysDone}/${state.daysTotal} days`;
  return `${state.subject}: ${days}, ${formatCount(rate)} trades/s, ${formatCount(state.bars)} bars committed${eta}`;
}

/** Shows progress on stderr: one line painted over on a terminal, a plain line now and then elsewhere. */
export class Progress {
  readonly #stream: NodeJS.WritableStream;
  readonly #isTerminal: boolean;
  readonly #startMs = Date.now();
  #shownMs = 0;
  #isPainted = false;

  constructor(stream: NodeJS.WritableStream) {
    this.#stream = stream;
    this.#isTerminal = "isTTY" in stream && stream.isTTY === true;
  }

  show(state: Omit<ProgressState, "elapsedMs">): void {
    const now = Date.now();
    if (now - this.#shownMs < (this.#isTerminal ? paintEveryMs : plainEveryMs)) return;
    this.#shownMs = now;
    const line = renderProgress({ ...state, elapsedMs: now - this.#startMs });
    if (this.#isTerminal) this.#stream.write(`\r\u001b[2K${line}`);
    else this.#stream.write(`${line}\n`);
    this.#isPainted = this.#isTerminal;
  }

  /** Makes room for a line of its own. */
  clear(): void {
    if (this.#isPainted) this.#stream.write("\r\u001b[2K");
    this.#isPainted = false;
  }
}

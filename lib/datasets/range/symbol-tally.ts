import { daysBetween } from "../../model/day.ts";
import type { Failure } from "../../model/errors.ts";
import { seriesId } from "../../model/series.ts";
import type { CoveredUnit } from "../../store/index.ts";
import { spansOf, type PopulateEvents, type SymbolResult, type SymbolWork } from "./populate.ts";
import { describeFailure, type PopulateListener } from "./listener.ts";
import { added, nothingCommitted } from "./segment-job.ts";

/** What one or more attempts at a symbol came to, told as it happens; nothing is told or counted twice. */
export class SymbolTally {
  readonly #work: SymbolWork;
  readonly #listener: PopulateListener;
  readonly #failures = new Map<string, Failure>();
  /** What stopped the last attempt; the next one may come past it. */
  #stop: Failure | undefined;
  readonly #told = new Set<string>();
  #committed = nothingCommitted;
  #daysDone = 0;
  #daysTotal = 0;
  #trades = 0n;

  constructor(work: SymbolWork, listener: PopulateListener) {
    this.#work = work;
    this.#listener = listener;
  }

  /** An attempt begins: what earlier ones had read and not committed is to be read again. */
  begin(covered: readonly CoveredUnit[]): void {
    const left = spansOf(this.#work, covered).reduce((sum, span) => sum + daysBetween(span.from, span.to) + 1, 0);
    this.#daysDone = this.#committed.days;
    this.#daysTotal = this.#daysDone + left;
    this.#trades = this.#committed.trades;
    this.#stop = undefined;
  }

  /** @param onCommit told of each commit before the listener is */
  events(onCommit: () => void): Omit<PopulateEvents, "opened"> {
    return {
      note: (text) => this.#tell(text),
      finding: (failure, stops) => {
        if (stops) this.#stop = failure;
        else this.#failures.set(`${failure.code} ${failure.message}`, failure);
        this.#tell(describeFailure(failure));
      },
      dayRead: (_day, trades) => {
        this.#daysDone += 1;
        this.#trades += trades;
        this.#show();
      },
      committed: (amount) => {
        onCommit();
        this.#committed = added(this.#committed, amount);
        this.#show();
      },
    };
  }

  result(interrupted: boolean): SymbolResult {
    const { days, trades, bars } = this.#committed;
    const { series } = this.#work;
    return {
      symbol: this.#symbol,
      series: series.map(seriesId),
      days,
      trades,
      bars,
      failures: [...this.#failures.values(), ...(this.#stop === undefined ? [] : [this.#stop])],
      interrupted,
    };
  }

  get #symbol(): string {
    return this.#work.series[0]?.symbol ?? "";
  }

  #tell(text: string): void {
    if (this.#told.has(text)) return;
    this.#told.add(text);
    this.#listener.line(text);
  }

  #show(): void {
    this.#listener.progress({
      subject: this.#symbol,
      daysDone: this.#daysDone,
      daysTotal: this.#daysTotal,
      trades: this.#trades,
      bars: this.#committed.bars,
    });
  }
}

import type { AttemptEnd, Ledger } from "../../ledger/index.ts";
import { Failure, NotYetAvailableError, RefusedError, UpstreamDataError } from "../../model/errors.ts";
import type { OpenUnit } from "../../store/index.ts";
import type { PopulateEvents, SymbolResult, SymbolWork } from "./populate.ts";
import type { PopulateTarget } from "./populate-target.ts";

type End = Pick<AttemptEnd, "kind" | "code">;

/** The attempts of the job that is open. */
interface OpenJob {
  readonly units: readonly OpenUnit[];
  /** Their numbers in the ledger. */
  readonly ids: readonly bigint[];
  trades: bigint;
  /** What its end will be, as far as is known. */
  end: End;
}

/** Puts the attempts of one symbol's run on record in the ledger: each when it begins, and what became of it. */
export class AttemptRecorder {
  readonly #ledger: Ledger;
  readonly #planId: string | undefined;
  readonly #symbol: string;
  readonly #note: (text: string) => void;
  #job: OpenJob | undefined;

  /** @param note told where an end cannot be put on record */
  constructor({ ledger, planId }: PopulateTarget, work: SymbolWork, note: (text: string) => void) {
    this.#ledger = ledger;
    this.#planId = planId;
    this.#symbol = work.series[0]?.symbol ?? "";
    this.#note = note;
  }

  /** Listens to a run and passes all on. */
  events(to: Omit<PopulateEvents, "opened">): PopulateEvents {
    return {
      ...to,
      opened: (units) => this.#opened(units),
      finding: (failure, stops) => {
        this.#finding(failure, stops);
        to.finding(failure, stops);
      },
      committed: (amount) => {
        if (this.#job !== undefined) this.#job.trades += amount.trades;
        to.committed(amount);
      },
    };
  }

  /** Runs the symbol and puts its end on record, however it ends. */
  async record(run: () => Promise<SymbolResult>): Promise<SymbolResult> {
    let result: SymbolResult;
    try {
      result = await run();
    } catch (error) {
      this.#failed(error);
      throw error;
    }
    if (result.interrupted && this.#job !== undefined) this.#job.end = { kind: "interrupted", code: undefined };
    this.#close();
    return result;
  }

  /** The job before this one is over. */
  #opened(units: readonly OpenUnit[]): void {
    this.#close();
    const started = units.map(({ unitId, build, attempt }) => ({ unit: unitId, build, attempt }));
    const ids = this.#ledger.attempts.start(started, this.#planId);
    this.#job = { units, ids, trades: 0n, end: { kind: "done", code: undefined } };
  }

  #finding(failure: Failure, stops: boolean): void {
    const { kind, code } = endOf(failure);
    if (this.#job !== undefined) this.#job.end = { kind, code };
    else if (stops) this.#ledger.journal.record("attempt.not-begun", this.#symbol, { result: kind, code });
  }

  /** The error that ended the run matters more than one of the ledger behind it. */
  #failed(error: unknown): void {
    try {
      const end = error instanceof Failure ? endOf(error) : ({ kind: "failed", code: "BUG" } as const);
      if (this.#job !== undefined) this.#job.end = end;
      this.#close();
    } catch (second) {
      this.#note(`the end of ${this.#symbol} could not be put on record: ${String(second)}`);
    }
  }

  #close(): void {
    const job = this.#job;
    if (job === undefined) return;
    this.#job = undefined;
    this.#ledger.transaction(() => {
      job.ids.forEach((id, i) => {
        const bars = job.units[i]?.position.rows ?? 0;
        this.#ledger.attempts.end(id, { ...job.end, trades: job.trades, bars });
      });
    });
  }
}

/** What an attempt's end is called that a failure explains: what was had before it is committed, and stays. */
function endOf(failure: Failure): End {
  const { code } = failure;
  if (code === "SUPERSEDED") return { kind: "superseded", code };
  if (failure instanceof RefusedError) return { kind: "refused", code };
  const isOfArchive = failure instanceof UpstreamDataError || failure instanceof NotYetAvailableError;
  return { kind: isOfArchive ? "partial" : "failed", code };
}

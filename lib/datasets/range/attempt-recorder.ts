import { Failure, RefusedError } from "../../model/errors.ts";
import type { AttemptEnd, Ledger } from "../../ledger/index.ts";
import type { OpenUnit } from "../../store/index.ts";
import type { SymbolResult } from "./populate.ts";
import type { CommittedAmount } from "./segment-job.ts";

/** The attempts of the job that is open. */
interface OpenJob {
  readonly units: readonly OpenUnit[];
  /** Their numbers in the ledger. */
  readonly ids: readonly bigint[];
  trades: bigint;
  /** Of the last finding. */
  code: string | undefined;
}

/** Puts the attempts of one symbol's run on record in the ledger: each when it begins, and what became of it. */
export class AttemptRecorder {
  readonly #ledger: Ledger;
  readonly #symbol: string;
  readonly #plan: string | undefined;
  readonly #note: (text: string) => void;
  #job: OpenJob | undefined;

  /** @param plan the plan that is carried out @param note told where an end cannot be put on record */
  constructor(ledger: Ledger, symbol: string, plan: string | undefined, note: (text: string) => void) {
    this.#ledger = ledger;
    this.#symbol = symbol;
    this.#plan = plan;
    this.#note = note;
  }

  /** A job has opened its units; the job before it is done. */
  opened(units: readonly OpenUnit[]): void {
    this.#end(undefined);
    const started = units.map(({ unitId, build, attempt }) => ({ unit: unitId, build, attempt }));
    this.#job = { units, ids: this.#ledger.attempts.start(started, this.#plan), trades: 0n, code: undefined };
  }

  committed({ trades }: CommittedAmount): void {
    if (this.#job !== undefined) this.#job.trades += trades;
  }

  /** Something was found that makes the job's units less than was asked for. */
  finding({ code }: Failure): void {
    if (this.#job !== undefined) this.#job.code = code;
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
    this.#end(result.interrupted ? { kind: "interrupted", code: undefined } : undefined);
    return result;
  }

  /** The error that ended the run matters more than one of the ledger behind it. */
  #failed(error: unknown): void {
    const code = error instanceof Failure ? error.code : "BUG";
    const isRefused = error instanceof RefusedError;
    const kind = code === "SUPERSEDED" ? "superseded" : isRefused ? "refused" : "failed";
    try {
      if (this.#job === undefined) this.#ledger.journal.record("populate.failed", this.#symbol, { result: kind, code });
      else this.#end({ kind, code });
    } catch (second) {
      this.#note(`the end of ${this.#symbol} could not be put on record: ${String(second)}`);
    }
  }

  /** @param as how the job ended, where nothing that was found says it */
  #end(as: Pick<AttemptEnd, "kind" | "code"> | undefined): void {
    const job = this.#job;
    if (job === undefined) return;
    this.#job = undefined;
    const end = as ?? ({ kind: job.code === undefined ? "done" : "partial", code: job.code } as const);
    this.#ledger.transaction(() => {
      job.ids.forEach((id, i) => {
        const bars = job.units[i]?.position.rows ?? 0;
        this.#ledger.attempts.end(id, { ...end, trades: job.trades, bars });
      });
    });
  }
}

import { join } from "node:path";
import { z } from "zod";
import { writeWhole } from "../files/write-whole.ts";

/** A failure as a worker's file has it. */
const failureSchema = z.strictObject({
  code: z.string(),
  message: z.string(),
  subject: z.string().nullable(),
  hint: z.string().nullable(),
});

/** What a worker says of itself, in its job's folder beside the supervisor's files: how far it is, and in the end what became of it. */
export const workFileSchema = z.strictObject({
  version: z.literal(1),
  days_done: z.int(),
  days_total: z.int(),
  /** Read, not all of them committed yet. */
  trades: z.string().regex(/^\d+$/),
  /** Committed. */
  bars: z.int(),
  /** Milliseconds since the worker began. */
  elapsed_ms: z.int(),
  at: z.iso.datetime(),
  /** Null while it works. */
  exit_code: z.int().nullable(),
  failures: z.array(failureSchema),
});
export type WorkFile = z.infer<typeof workFileSchema>;

/** Its name in a job's folder. */
export const workFileName = "work.json";

const everyMs = 1_000;

/** Keeps a worker's file up to date, not more than once a second. */
export class WorkFileWriter {
  readonly #path: string;
  readonly #beganMs = Date.now();
  #writtenMs = 0;
  #later: NodeJS.Timeout | undefined;
  #last: Pick<WorkFile, "days_done" | "days_total" | "trades" | "bars"> = {
    days_done: 0,
    days_total: 0,
    trades: "0",
    bars: 0,
  };

  constructor(folder: string) {
    this.#path = join(folder, workFileName);
    this.#write(null, []);
  }

  progress(state: { daysDone: number; daysTotal: number; trades: bigint; bars: number }): void {
    this.#last = {
      days_done: state.daysDone,
      days_total: state.daysTotal,
      trades: state.trades.toString(),
      bars: state.bars,
    };
    const waitMs = this.#writtenMs + everyMs - Date.now();
    if (waitMs <= 0) this.#write(null, []);
    // The last word before a long wait is written too, when its turn comes.
    else this.#later ??= setTimeout(() => this.#write(null, []), waitMs).unref();
  }

  end(exitCode: number, failures: WorkFile["failures"]): void {
    this.#write(exitCode, failures);
  }

  #write(exitCode: number | null, failures: WorkFile["failures"]): void {
    clearTimeout(this.#later);
    this.#later = undefined;
    const now = Date.now();
    this.#writtenMs = now;
    const file: WorkFile = {
      version: 1,
      ...this.#last,
      elapsed_ms: now - this.#beganMs,
      at: new Date(now).toISOString(),
      exit_code: exitCode,
      failures,
    };
    writeWhole(this.#path, `${JSON.stringify(file)}\n`);
  }
}

import { z } from "zod";
import type { Clock } from "./clock.ts";
import type { LedgerFile } from "./file.ts";

export type HeartbeatResult = "clean" | "findings" | "partial";

const optionalMs = z.union([z.null().transform(() => undefined), z.coerce.number()]);

const heartbeatRow = z
  .object({
    id: z.coerce.number(),
    started_ms: z.coerce.number(),
    boot: z.string(),
    monotonic_ns: z.bigint(),
    every_ms: optionalMs,
    ended_ms: optionalMs,
    result: z.union([z.null().transform(() => undefined), z.enum(["clean", "findings", "partial"])]),
  })
  .transform((row) => ({
    id: row.id,
    startedMs: row.started_ms,
    boot: row.boot,
    monotonicNs: row.monotonic_ns,
    /** How often it was to run; undefined where nobody had it run by a schedule. */
    everyMs: row.every_ms,
    /** Undefined where it never came to its end. */
    endedMs: row.ended_ms,
    result: row.result,
  }));

/** One pass of the heartbeat, by both clocks. */
export type Heartbeat = Readonly<z.output<typeof heartbeatRow>>;

/** The passes of the heartbeat, so that the next one sees what was missed. */
export class Heartbeats {
  readonly #file: LedgerFile;
  readonly #clock: Clock;

  constructor(file: LedgerFile, clock: Clock) {
    this.#file = file;
    this.#clock = clock;
  }

  last(): Heartbeat | undefined {
    return this.#file.row("SELECT * FROM heartbeats ORDER BY id DESC LIMIT 1", heartbeatRow);
  }

  /** How often the newest one that a schedule ran was to run; undefined where no schedule has run it, or the schedule has ended. */
  everyMs(): number | undefined {
    const sql = "SELECT * FROM heartbeats WHERE every_ms IS NOT NULL ORDER BY id DESC LIMIT 1";
    return this.#file.row(sql, heartbeatRow)?.everyMs;
  }

  /** The schedule has ended: nobody misses its passes. */
  endSchedule(): void {
    this.#file.run("UPDATE heartbeats SET every_ms = NULL WHERE every_ms IS NOT NULL");
  }

  /** The last one that came to its end. */
  lastEnded(): Heartbeat | undefined {
    const sql = "SELECT * FROM heartbeats WHERE ended_ms IS NOT NULL ORDER BY id DESC LIMIT 1";
    return this.#file.row(sql, heartbeatRow);
  }

  /** @param everyMs how often it is to run; undefined where nobody has it run by a schedule @returns its number, for {@link end} */
  start(everyMs: number | undefined): bigint {
    return this.#file.run(
      "INSERT INTO heartbeats (started_ms, boot, monotonic_ns, every_ms) VALUES (?, ?, ?, ?)",
      this.#clock.wallMs(),
      this.#clock.boot,
      this.#clock.monotonicNs(),
      everyMs ?? null,
    ).id;
  }

  end(id: bigint, result: HeartbeatResult): void {
    this.#file.run("UPDATE heartbeats SET ended_ms = ?, result = ? WHERE id = ?", this.#clock.wallMs(), result, id);
  }
}

import { z } from "zod";
import type { Clock } from "./clock.ts";
import type { LedgerFile } from "./file.ts";
import type { Journal } from "./journal.ts";

const severities = ["info", "warning", "critical"] as const;
export type Severity = (typeof severities)[number];

export const incidentStates = ["pending", "open", "acked", "snoozed", "resolved"] as const;
/** `pending`: seen, and not yet often enough to say so. */
export type IncidentState = (typeof incidentStates)[number];

const evidence = z.record(z.string(), z.string());
const ms = z.coerce.number();
const optionalMs = z.union([z.null().transform(() => undefined), ms]);
const optionalText = z
  .string()
  .nullable()
  .transform((text) => text ?? undefined);

const incidentRow = z
  .object({
    id: z.coerce.number(),
    fingerprint: z.string(),
    kind: z.string(),
    subject: z.string(),
    place: optionalText,
    severity: z.enum(severities),
    verdict: z.enum(["wrong", "unknown"]),
    summary: z.string(),
    evidence: z.string().transform((text) => evidence.parse(JSON.parse(text))),
    state: z.enum(incidentStates),
    first_seen_ms: ms,
    last_seen_ms: ms,
    bad_looks: z.coerce.number(),
    good_looks: z.coerce.number(),
    said_ms: optionalMs,
    times_said: z.coerce.number(),
    quiet_until_ms: optionalMs,
    quiet_for_ms: optionalMs,
    hidden_by: optionalText,
    resolved_ms: optionalMs,
  })
  .transform((row) => ({
    id: row.id,
    fingerprint: row.fingerprint,
    kind: row.kind,
    subject: row.subject,
    place: row.place,
    severity: row.severity,
    verdict: row.verdict,
    summary: row.summary,
    evidence: row.evidence,
    state: row.state,
    firstSeenMs: row.first_seen_ms,
    lastSeenMs: row.last_seen_ms,
    /** Looks in a row that found it; looks in a row that did not. */
    badLooks: row.bad_looks,
    goodLooks: row.good_looks,
    /** When people were last told of it; undefined where nobody was yet. */
    saidMs: row.said_ms,
    timesSaid: row.times_said,
    /** The end of an ack or a snooze. */
    quietUntilMs: row.quiet_until_ms,
    /** For how long it was asked; undefined where an older release kept a snooze. */
    quietForMs: row.quiet_for_ms,
    /** The fingerprint of the incident that explains this one. */
    hiddenBy: row.hidden_by,
    resolvedMs: row.resolved_ms,
  }));

/** Something that is wrong, or that could not be looked at, from its first sight to its end. Times are of the wall clock. */
export type Incident = Readonly<z.output<typeof incidentRow>>;

/** What of an incident changes while it lives; what it is known by does not. */
export type IncidentBody = Omit<Incident, "id">;

/** How long an ack holds: an incident that is forgotten by then is said again. */
const ackLastsMs = 7 * 24 * 3_600_000;

/** The incidents of this state directory: what is wrong now, and what was. Rules are in lib/watch; here they are kept. */
export class Incidents {
  readonly #file: LedgerFile;
  readonly #clock: Clock;
  readonly #journal: Journal;

  constructor(file: LedgerFile, clock: Clock, journal: Journal) {
    this.#file = file;
    this.#clock = clock;
    this.#journal = journal;
  }

  /** Those that are not resolved, oldest first. */
  live(): Incident[] {
    return this.#file.rows("SELECT * FROM incidents WHERE state <> 'resolved' ORDER BY id", incidentRow);
  }

  /** The last ones, resolved ones too, newest first. */
  last(limit: number): Incident[] {
    return this.#file.rows("SELECT * FROM incidents ORDER BY id DESC LIMIT ?", incidentRow, limit);
  }

  byId(id: number): Incident | undefined {
    return this.#file.row("SELECT * FROM incidents WHERE id = ?", incidentRow, id);
  }

  /** The newest one with this fingerprint. */
  byFingerprint(fingerprint: string): Incident | undefined {
    return this.#file.row(
      "SELECT * FROM incidents WHERE fingerprint = ? ORDER BY id DESC LIMIT 1",
      incidentRow,
      fingerprint,
    );
  }

  /** Keeps a new one. @returns its number @throws where one with its fingerprint lives */
  add(body: IncidentBody): number {
    const { id } = this.#file.run(
      `INSERT INTO incidents (${bodyColumns.join(", ")}) VALUES (${bodyColumns.map(() => "?").join(", ")})`,
      ...cellsOf(body),
    );
    this.#journal.record(`incident.${body.state}`, body.fingerprint, { incident: Number(id), summary: body.summary });
    return Number(id);
  }

  /** Keeps a changed one; a change of its state is in the journal. */
  change(before: Incident, after: IncidentBody, by?: string): void {
    const set = bodyColumns.map((column) => `${column} = ?`).join(", ");
    this.#file.run(`UPDATE incidents SET ${set} WHERE id = ?`, ...cellsOf(after), before.id);
    if (before.state !== after.state) {
      this.#journal.record(`incident.${after.state}`, before.fingerprint, {
        incident: before.id,
        was: before.state,
        by,
      });
    }
  }

  /** Says no more of it until it ends, for a week at most. @param by who, for the journal @returns false for one that has ended */
  ack(id: number, by: string): boolean {
    return this.#quieten(id, "acked", ackLastsMs, by);
  }

  /** Says no more of it for so long. @param by who, for the journal @returns false for one that has ended */
  snooze(id: number, forMs: number, by: string): boolean {
    return this.#quieten(id, "snoozed", forMs, by);
  }

  #quieten(id: number, state: "acked" | "snoozed", quietForMs: number, by: string): boolean {
    return this.#file.transaction(() => {
      const incident = this.byId(id);
      if (incident === undefined || incident.state === "resolved") return false;
      const quietUntilMs = this.#clock.wallMs() + quietForMs;
      this.change(incident, { ...incident, state, quietUntilMs, quietForMs }, by);
      return true;
    });
  }
}

const bodyColumns = Object.keys(incidentRow.def.in.shape).filter((column) => column !== "id");

/** In the order of `bodyColumns`. */
function cellsOf(body: IncidentBody): (string | number | null)[] {
  return [
    body.fingerprint,
    body.kind,
    body.subject,
    body.place ?? null,
    body.severity,
    body.verdict,
    body.summary,
    JSON.stringify(body.evidence),
    body.state,
    body.firstSeenMs,
    body.lastSeenMs,
    body.badLooks,
    body.goodLooks,
    body.saidMs ?? null,
    body.timesSaid,
    body.quietUntilMs ?? null,
    body.quietForMs ?? null,
    body.hiddenBy ?? null,
    body.resolvedMs ?? null,
  ];
}

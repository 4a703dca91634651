import { z } from "zod";
import { parseDay, type Day } from "../model/day.ts";
import type { LedgerFile } from "./file.ts";

/** One symbol's archive at one place. */
export interface ArchiveKey {
  /** A folder or a URL. */
  readonly location: string;
  readonly market: string;
  readonly symbol: string;
}

const day = z.string().transform(parseDay);
const milliseconds = z.coerce.number();

const extentRow = z
  .object({
    asked_from: day,
    first_day: day.nullable(),
    last_day: day.nullable(),
    looked_ms: milliseconds,
    recheck_day: day.nullable(),
  })
  .transform((row) => ({
    askedFrom: row.asked_from,
    /** The first and the last day that are published, from `askedFrom` on; undefined where nothing is. */
    firstDay: row.first_day ?? undefined,
    lastDay: row.last_day ?? undefined,
    lookedMs: row.looked_ms,
    /** The next built day whose digest is to be asked about again. */
    recheckDay: row.recheck_day ?? undefined,
  }));

/** What was published when it was asked. */
export type ArchiveExtent = Readonly<z.output<typeof extentRow>>;

const deviatingRow = z
  .object({ day, sha256: z.string().nullable(), first_seen_ms: milliseconds, seen_ms: milliseconds })
  .transform((row) => ({
    day: row.day,
    /** The digest that is published now; undefined where the archive does not exist. */
    sha256: row.sha256 ?? undefined,
    firstSeenMs: row.first_seen_ms,
    seenMs: row.seen_ms,
  }));

/** A day that is not published, or no longer as it was built from. */
export type DeviatingDay = Readonly<z.output<typeof deviatingRow>>;

const acceptedRow = z
  .object({
    from_day: day,
    through_day: day,
    reason: z.string(),
    accepted_by: z.string(),
    expires_ms: milliseconds.nullable(),
  })
  .transform((row) => ({
    fromDay: row.from_day,
    throughDay: row.through_day,
    reason: row.reason,
    by: row.accepted_by,
    expiresMs: row.expires_ms ?? undefined,
  }));

/** Days whose archive does not exist, and which somebody has accepted to be missing. */
export type AcceptedDays = Readonly<z.output<typeof acceptedRow>>;

/** What was last found out of the exchange's archives, and what a person has decided about them. */
export class Archives {
  readonly #file: LedgerFile;

  constructor(file: LedgerFile) {
    this.#file = file;
  }

  /** @param location undefined for the place that was looked at last */
  extent({
    location,
    market,
    symbol,
  }: Omit<ArchiveKey, "location"> & { readonly location: string | undefined }):
    (ArchiveExtent & { readonly location: string }) | undefined {
    const row = this.#file.row(
      `SELECT location, asked_from, first_day, last_day, looked_ms, recheck_day FROM archive_extents
WHERE market = ? AND symbol = ? AND (? IS NULL OR location = ?) ORDER BY looked_ms DESC LIMIT 1`,
      z.intersection(extentRow, z.object({ location: z.string() })),
      market,
      symbol,
      location ?? null,
      location ?? null,
    );
    return row;
  }

  putExtent({ location, market, symbol }: ArchiveKey, extent: ArchiveExtent): void {
    this.#file.run(
      `INSERT OR REPLACE INTO archive_extents (location, market, symbol, asked_from, first_day, last_day, looked_ms, recheck_day)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      location,
      market,
      symbol,
      extent.askedFrom,
      extent.firstDay ?? null,
      extent.lastDay ?? null,
      extent.lookedMs,
      extent.recheckDay ?? null,
    );
  }

  deviating({ location, market, symbol }: ArchiveKey): DeviatingDay[] {
    return this.#file.rows(
      "SELECT day, sha256, first_seen_ms, seen_ms FROM archive_days WHERE location = ? AND market = ? AND symbol = ? ORDER BY day",
      deviatingRow,
      location,
      market,
      symbol,
    );
  }

  /** Keeps when a day was first seen so; another digest than before is seen for the first time. */
  putDeviating({ location, market, symbol }: ArchiveKey, day: Day, sha256: string | undefined, nowMs: number): void {
    this.#file.run(
      `INSERT INTO archive_days (location, market, symbol, day, sha256, first_seen_ms, seen_ms) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET first_seen_ms = iif(sha256 IS excluded.sha256, first_seen_ms, excluded.first_seen_ms),
  sha256 = excluded.sha256, seen_ms = excluded.seen_ms`,
      location,
      market,
      symbol,
      day,
      sha256 ?? null,
      nowMs,
      nowMs,
    );
  }

  /** The day is published, as it was built from. */
  forgetDeviating({ location, market, symbol }: ArchiveKey, day: Day): void {
    this.#file.run(
      "DELETE FROM archive_days WHERE location = ? AND market = ? AND symbol = ? AND day = ?",
      location,
      market,
      symbol,
      day,
    );
  }

  accepted({ market, symbol }: Pick<ArchiveKey, "market" | "symbol">): AcceptedDays[] {
    return this.#file.rows(
      `SELECT from_day, through_day, reason, accepted_by, expires_ms FROM archive_accepted WHERE market = ? AND symbol = ?
ORDER BY from_day, id`,
      acceptedRow,
      market,
      symbol,
    );
  }

  accept({ market, symbol }: Pick<ArchiveKey, "market" | "symbol">, days: AcceptedDays, nowMs: number): void {
    this.#file.run(
      `INSERT INTO archive_accepted (market, symbol, from_day, through_day, reason, accepted_by, at_ms, expires_ms)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      market,
      symbol,
      days.fromDay,
      days.throughDay,
      days.reason,
      days.by,
      nowMs,
      days.expiresMs ?? null,
    );
  }
}

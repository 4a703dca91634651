import { addDays, type Day } from "../../model/day.ts";
import { NotYetAvailableError, UpstreamDataError, type Failure } from "../../model/errors.ts";
import { fetchDays, judgeMissingDay, type ArchiveSource, type DayFile } from "../../sources/archive/index.ts";

/** What the days of a symbol come to, in order: files to build from, findings to tell, and at most one stop at the end. */
export type DayStep =
  | { readonly kind: "file"; readonly file: DayFile }
  | { readonly kind: "note"; readonly text: string }
  /** A finding that does not stop the symbol. */
  | { readonly kind: "finding"; readonly failure: Failure }
  | { readonly kind: "stop"; readonly failure: Failure };

export interface DayStreamRequest {
  readonly source: ArchiveSource;
  readonly symbol: string;
  readonly from: Day;
  readonly to: Day;
  readonly today: Day;
  /** Does the store hold a day before `from`? Then a missing first day is no leading gap. */
  readonly hasEarlier: boolean;
  /** The last day of the whole request; a day published up to it makes a missing one interior. */
  readonly lastDay: Day;
  readonly isDeclaredHole: (day: Day) => boolean;
  readonly signal: AbortSignal;
}

/** Walks the days, fetching ahead, and decides what each missing or bad one means. */
export async function* walkDays(request: DayStreamRequest): AsyncGenerator<DayStep> {
  const { source, symbol, to, lastDay } = request;
  let { from, hasEarlier } = request;
  if (!hasEarlier && (await source.sizeOf(from, request.signal)) === undefined) {
    const first = await source.firstPublished(from, lastDay, request.signal);
    if (first === undefined) {
      yield { kind: "stop", failure: nothingPublished(symbol, from, lastDay) };
      return;
    }
    yield { kind: "note", text: `${symbol}: nothing is published before ${first}; starting there` };
    from = first;
  }
  let knownLater: Day | undefined;
  for await (const outcome of fetchDays(source, from, to, request.signal)) {
    const { day } = outcome;
    if (outcome.kind === "file") {
      hasEarlier = true;
      yield { kind: "file", file: outcome };
      continue;
    }
    if (outcome.kind === "bad") {
      yield { kind: "stop", failure: outcome.error };
      return;
    }
    const isDeclared = request.isDeclaredHole(day);
    if (!isDeclared && day < lastDay && (knownLater === undefined || knownLater <= day)) {
      knownLater = await source.firstPublished(addDays(day, 1), lastDay, request.signal);
    }
    const hasLater = knownLater !== undefined && knownLater > day;
    const judged = judgeMissingDay({ day, today: request.today, hasEarlier, hasLater, isDeclared });
    switch (judged) {
      case "leading":
        break;
      case "declared-hole":
        yield { kind: "note", text: `${symbol}: ${day} is a declared hole` };
        break;
      case "hole":
        yield { kind: "finding", failure: undeclaredHole(symbol, day) };
        break;
      case "trailing":
      case "unsettled":
        yield { kind: "stop", failure: notPublishedYet(symbol, day) };
        return;
    }
  }
}

function nothingPublished(symbol: string, from: Day, to: Day): NotYetAvailableError {
  return new NotYetAvailableError(`no archive is published from ${from} to ${to}`, {
    code: "NOTHING_PUBLISHED",
    subject: symbol,
    hint: "check --archive, --market and the dates",
  });
}

function notPublishedYet(symbol: string, day: Day): NotYetAvailableError {
  return new NotYetAvailableError(`the archive of ${day} is not published (yet)`, {
    code: "NOT_PUBLISHED_YET",
    subject: symbol,
    hint: "everything before it is committed; run the same command again later",
  });
}

function undeclaredHole(symbol: string, day: Day): UpstreamDataError {
  return new UpstreamDataError(`the archive of ${day} does not exist; going on behind it`, {
    code: "MISSING_DAY",
    subject: symbol,
    hint: `if it will never be published, declare it under known_gaps of [symbols.${symbol}]`,
  });
}

import { ConfigurationError } from "./errors.ts";

/** A UTC calendar day, `YYYY-MM-DD`; days compare as strings. */
export type Day = string & { readonly __brand: "Day" };

const millisecondsPerDay = 86_400_000;

function isDay(text: string): text is Day {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const ms = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(text);
}

/** Parses a real calendar day. @throws ConfigurationError BAD_DATE */
export function parseDay(text: string): Day {
  if (isDay(text)) return text;
  throw new ConfigurationError(`"${text}" is not a date`, { code: "BAD_DATE", hint: "write it as YYYY-MM-DD" });
}

/** Milliseconds since the epoch at which the day begins. */
export function dayStartMs(day: Day): number {
  return Date.parse(`${day}T00:00:00Z`);
}

/** The UTC day that holds an instant. */
export function dayOfMs(ms: number): Day {
  return parseDay(new Date(ms).toISOString().slice(0, 10));
}

/** The day `count` days later (earlier when negative). */
export function addDays(day: Day, count: number): Day {
  return dayOfMs(dayStartMs(day) + count * millisecondsPerDay);
}

/** Days from `from` to `to`; negative when `to` is earlier. */
export function daysBetween(from: Day, to: Day): number {
  return Math.round((dayStartMs(to) - dayStartMs(from)) / millisecondsPerDay);
}

/** Every day of [from, to], inclusive; empty when `to` is earlier. */
export function daysInclusive(from: Day, to: Day): Day[] {
  return Array.from({ length: Math.max(0, daysBetween(from, to) + 1) }, (_, i) => addDays(from, i));
}

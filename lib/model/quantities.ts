import { ConfigurationError } from "./errors.ts";

/** A number above 0, in plain decimals. @throws ConfigurationError BAD_NUMBER */
export function parsePositive(text: string): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : 0;
  if (value > 0) return value;
  throw new ConfigurationError(`"${text}" is not a number above 0`, { code: "BAD_NUMBER", hint: "such as 6 or 0.5" });
}

/** Hours up to a thousand years. @throws ConfigurationError BAD_NUMBER */
export function parseHours(text: string): number {
  return atMost(parsePositive(text), 8_766_000, text);
}

/** Whole days up to a hundred years. @throws ConfigurationError BAD_NUMBER */
export function parseWholeDays(text: string): number {
  const days = atMost(parsePositive(text), 36_525, text);
  if (Number.isInteger(days)) return days;
  throw new ConfigurationError(`"${text}" is not a whole number of days`, { code: "BAD_NUMBER", hint: "such as 30" });
}

function atMost(value: number, most: number, text: string): number {
  if (value <= most) return value;
  throw new ConfigurationError(`${text} is too much`, { code: "BAD_NUMBER", hint: `at most ${most}` });
}

/** 0 … 100. @throws ConfigurationError BAD_NUMBER */
export function parsePercent(text: string): number {
  return text === "0" ? 0 : atMost(parsePositive(text), 100, text);
}

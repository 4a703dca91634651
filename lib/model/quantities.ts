import { ConfigurationError } from "./errors.ts";

/** A number above 0, in plain decimals. @throws ConfigurationError BAD_NUMBER */
export function parsePositive(text: string): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : 0;
  if (value > 0) return value;
  throw new ConfigurationError(`"${text}" is not a number above 0`, { code: "BAD_NUMBER", hint: "such as 6 or 0.5" });
}

/**
 * A parser of whole numbers.
 * @param what that they count, as a person says it: `rows`
 * @throws ConfigurationError BAD_NUMBER, the parser
 */
export function wholeNumberOf(what: string, least: 0 | 1, most = 9_999_999): (text: string) => number {
  return (text) => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least) return atMost(value, most, text);
    const hint = `a whole number from ${least}`;
    throw new ConfigurationError(`"${text}" is not a number of ${what}`, { code: "BAD_NUMBER", hint });
  };
}

/** A parser of hours. @throws ConfigurationError BAD_NUMBER, the parser */
export function hoursUpTo(most: number): (text: string) => number {
  return (text) => atMost(parsePositive(text), most, text);
}

/** Hours up to a thousand years. @throws ConfigurationError BAD_NUMBER */
export const parseHours = hoursUpTo(8_766_000);

/** Whole days up to a hundred years. @throws ConfigurationError BAD_NUMBER */
export const parseWholeDays = wholeNumberOf("days", 1, 36_525);

function atMost(value: number, most: number, text: string): number {
  if (value <= most) return value;
  throw new ConfigurationError(`${text} is too much`, { code: "BAD_NUMBER", hint: `at most ${most}` });
}

/** 0 … 100. @throws ConfigurationError BAD_NUMBER */
export function parsePercent(text: string): number {
  return text === "0" ? 0 : atMost(parsePositive(text), 100, text);
}

import { ConfigurationError } from "../model/errors.ts";

/** Words as text for a POSIX shell, each taken literally. @throws ConfigurationError BAD_ARGUMENT for a NUL, which no argument can hold */
export function shellWords(words: readonly string[]): string {
  return words.map((word) => shellWord(word)).join(" ");
}

export function shellWord(word: string): string {
  if (word.includes("\0")) {
    throw new ConfigurationError("an argument holds a NUL character", { code: "BAD_ARGUMENT", subject: word });
  }
  return /^[A-Za-z0-9@%+=:,./_-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

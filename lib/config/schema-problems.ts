import type { z } from "zod";
import { lineOfKey } from "./toml-lines.ts";

interface Problem {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/**
 * What a schema found in a TOML file, a line for each in the file's order: `file:line: key what is wrong`.
 * @param document the parsed text
 * @param unknownKey what is said of a key that the schema lacks
 */
export function describeProblems(
  error: z.ZodError,
  document: unknown,
  text: string,
  file: string,
  unknownKey: string,
): string {
  return error.issues
    .flatMap((issue) => problemsOf(issue, document, unknownKey))
    .map(({ path, message }) => ({ line: lineOfKey(text, path), text: `${path.map(String).join(".")} ${message}` }))
    .sort((a, b) => a.line - b.line)
    .map((problem) => `${file}:${problem.line}: ${problem.text}`)
    .join("\n");
}

function problemsOf(issue: z.core.$ZodIssue, document: unknown, unknownKey: string): Problem[] {
  const { path, message } = issue;
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({ path: [...path, key], message: unknownKey }));
  }
  if (issue.code === "invalid_key") {
    return issue.issues.map((inner) => ({ path, message: inner.message }));
  }
  return [{ path, message: isAbsent(document, path) ? "is missing" : message }];
}

function isAbsent(document: unknown, path: readonly PropertyKey[]): boolean {
  let value = document;
  for (const key of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return true;
    value = Object.entries(value).find(([name]) => name === String(key))?.[1];
  }
  return false;
}

import { readFileSync } from "node:fs";
import type { z } from "zod";
import { ConfigurationError } from "../model/errors.ts";
import { registrySchema, type SymbolEntry, type Transition } from "./registry-schema.ts";
import { parseToml } from "./toml.ts";
import { lineOfKey } from "./toml-lines.ts";

/** The symbol registry: which symbols exist and what is known of them. */
export interface Registry {
  readonly file: string;
  readonly schemaVersion: number;
  readonly symbols: ReadonlyMap<string, SymbolEntry>;
  readonly transitions: ReadonlyMap<string, Transition>;
}

/**
 * Reads a registry file.
 * @throws ConfigurationError REGISTRY_UNREADABLE, REGISTRY_SYNTAX (line and column), REGISTRY_INVALID (line and key of each
 * problem)
 */
export function loadRegistry(file: string): Registry {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    throw new ConfigurationError("the symbol registry cannot be read", {
      code: "REGISTRY_UNREADABLE",
      subject: file,
      hint: "name another one with --symbols FILE or BARKEEP_SYMBOLS",
      cause,
    });
  }
  return parseRegistry(text, file);
}

/** Parses a registry's text; `file` is for messages. @throws as {@link loadRegistry} */
export function parseRegistry(text: string, file: string): Registry {
  const document = parseToml(text, file, "REGISTRY_SYNTAX");
  const parsed = registrySchema.safeParse(document);
  if (!parsed.success) {
    const problems = parsed.error.issues
      .flatMap((issue) => problemsOf(issue, document))
      .map(({ path, message }) => ({ line: lineOfKey(text, path), text: `${path.map(String).join(".")} ${message}` }))
      .sort((a, b) => a.line - b.line);
    throw new ConfigurationError(problems.map((problem) => `${file}:${problem.line}: ${problem.text}`).join("\n"), {
      code: "REGISTRY_INVALID",
      subject: file,
      hint: "correct the file; docs/symbols.md lists the keys it may have",
    });
  }
  const { schema_version: schemaVersion, symbols, transitions } = parsed.data;
  return {
    file,
    schemaVersion,
    symbols: new Map(Object.entries(symbols)),
    transitions: new Map(Object.entries(transitions)),
  };
}

interface Problem {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

function problemsOf(issue: z.core.$ZodIssue, document: unknown): Problem[] {
  const { path, message } = issue;
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({ path: [...path, key], message: "is not a key of the registry" }));
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

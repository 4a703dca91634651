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
  const parsed = registrySchema.safeParse(parseToml(text, file, "REGISTRY_SYNTAX"));
  if (!parsed.success) {
    const problems = parsed.error.issues.flatMap((issue) => problemsOf(issue, text, file));
    throw new ConfigurationError(problems.join("\n"), {
      code: "REGISTRY_INVALID",
      subject: file,
      hint: "correct the file; the keys it may have are listed in docs/symbols.md",
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

/** `symbols.toml:12: symbols.BTCUSDT.market: …`, one line per problem. */
function problemsOf(issue: z.core.$ZodIssue, text: string, file: string): string[] {
  const line = (path: readonly PropertyKey[], message: string): string =>
    `${file}:${lineOfKey(text, path)}: ${path.map(String).join(".")}: ${message}`;
  if (issue.code === "unrecognized_keys") return issue.keys.map((key) => line([...issue.path, key], "unknown key"));
  const missing =
    issue.code === "invalid_type" && issue.input === undefined && /received undefined/.test(issue.message);
  return [line(issue.path, missing ? "is missing" : issue.message)];
}

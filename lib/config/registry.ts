import { readFileSync } from "node:fs";
import { ConfigurationError } from "../model/errors.ts";
import { registrySchema, type SymbolEntry, type Transition } from "./registry-schema.ts";
import { describeProblems } from "./schema-problems.ts";
import { parseToml } from "./toml.ts";

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
    const problems = describeProblems(parsed.error, document, text, file, "is not a key of the registry");
    throw new ConfigurationError(problems, {
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

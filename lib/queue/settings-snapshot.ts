import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { ConfigurationError } from "../model/errors.ts";

/** The settings a job was planned with: it works by them, whatever the host's own files say by then. */
export interface SettingsSnapshot {
  /** One line of JSON. It may hold secrets: it goes into a file of mode 0600 and nowhere else. */
  readonly text: string;
  /** Of the text; stands in the job's label. */
  readonly hash: string;
}

/** Equal settings give equal text, in whatever order their keys are. */
export function settingsSnapshot(settings: Readonly<Record<string, unknown>>): SettingsSnapshot {
  const text = `${JSON.stringify(settings, (_key, value: unknown) => sortKeys(value))}\n`;
  return { text, hash: hashOf(text) };
}

/**
 * Reads a job's settings back.
 * @param hash the label's
 * @throws ConfigurationError SETTINGS_SNAPSHOT where the file is missing or not the one the label means
 */
export function readSettingsSnapshot(path: string, hash: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw badSnapshot(path, `cannot be read`, error);
  }
  if (hashOf(text) !== hash) throw badSnapshot(path, `is not the one the job was queued with (${hash})`);
  return JSON.parse(text);
}

function badSnapshot(path: string, what: string, cause?: unknown): ConfigurationError {
  return new ConfigurationError(`the job's settings, ${path}, ${what}`, {
    code: "SETTINGS_SNAPSHOT",
    subject: path,
    hint: "queue the job anew",
    ...(cause === undefined ? {} : { cause }),
  });
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 12);
}

function sortKeys(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

import type { z } from "zod";
import { UnavailableError } from "../model/errors.ts";
import { jsonValueOf } from "../model/json-value.ts";

/**
 * Reads what a file in a job's folder says.
 * @throws UnavailableError JOB_FILES for one that is damaged, or of another version
 */
export function parseJobFile<Schema extends z.ZodType>(schema: Schema, text: string, host: string): z.output<Schema> {
  const { data, error } = schema.safeParse(jsonValueOf(text));
  if (data !== undefined) return data;
  throw new UnavailableError(`a job's file on ${host} is damaged, or of another version: ${text.slice(0, 120)}`, {
    code: "JOB_FILES",
    subject: host,
    hint: "another release of barkeep wrote it: update this one; or remove it, there",
    cause: error,
  });
}

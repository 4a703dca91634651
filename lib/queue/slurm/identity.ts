import { join } from "node:path";
import { jobFolderName } from "../job-files.ts";
import type { TaskIdentity } from "../queue.ts";

/**
 * What a job of ours is called in Slurm, as its name and as its comment: of a controller that crashed, the numbers are used again.
 * It has neither spaces nor `|`, whatever the label: Slurm prints it unquoted in several formats.
 */
export interface SlurmIdentity extends TaskIdentity {
  /** Of this submission. */
  readonly uuid: string;
  readonly group: string;
}

const mark = "barkeep/1";

export function formatIdentity({ uuid, group, label, createdAt }: SlurmIdentity): string {
  return [mark, uuid, Date.parse(createdAt), encode(group), encode(label)].join("/");
}

const form = /^barkeep\/1\/([0-9a-f-]{36})\/(\d+)\/([^/]*)\/([^/]*)$/;

/** undefined for somebody else's job. */
export function parseIdentity(text: string): SlurmIdentity | undefined {
  const [, uuid, createdMs, group, label] = form.exec(text) ?? [];
  if (uuid === undefined || createdMs === undefined || group === undefined || label === undefined) return undefined;
  return { uuid, group: decode(group), label: decode(label), createdAt: new Date(Number(createdMs)).toISOString() };
}

/** Where a job's output goes; known from its identity alone, so it is found when Slurm has forgotten the job. */
export function slurmLogFile(root: string, { label, createdAt }: TaskIdentity): string {
  return join(root, "logs", `${jobFolderName(label)}-${Date.parse(createdAt)}.log`);
}

/** Percent signs and hexadecimal for every byte that is not plain; a label of ours stays readable but for its slashes. */
function encode(text: string): string {
  return [...Buffer.from(text)]
    .map((byte) => {
      const char = String.fromCodePoint(byte);
      return /[A-Za-z0-9@+:#~.,_-]/.test(char) ? char : `%${byte.toString(16).padStart(2, "0")}`;
    })
    .join("");
}

function decode(text: string): string {
  const bytes = text.replace(/%([0-9a-f]{2})/g, (_all, hex: string) => String.fromCodePoint(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, "latin1").toString("utf8");
}

import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, readdirSync, rmSync, watch } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { ensureFolder } from "../../files/folders.ts";
import { writeWhole } from "../../files/write-whole.ts";
import { UnavailableError } from "../../model/errors.ts";

/**
 * The local queue on disk. Each task is a file; its caller writes it once, then only the runner changes it. What callers want later (a stop,
 * other limits) are files of their own. So no two processes write the same file, and each is whole whenever it is read.
 */
export class LocalFiles {
  readonly root: string;
  readonly #tasks: string;
  readonly #requests: string;
  readonly #groups: string;

  /** @param root the queue's own folder */
  constructor(root: string) {
    this.root = root;
    this.#tasks = join(root, "tasks");
    this.#requests = join(root, "requests");
    this.#groups = join(root, "groups.json");
  }

  prepare(): void {
    for (const folder of [this.root, this.#tasks, this.#requests, join(this.root, "logs")]) ensureFolder(folder, 0o700);
  }

  /** Numbers of all tasks, oldest first. */
  numbers(): string[] {
    return namesIn(this.#tasks)
      .filter((name) => name.endsWith(".json"))
      .map((name) => name.slice(0, -".json".length))
      .sort();
  }

  /** undefined when it was removed meanwhile. */
  read(number: string): LocalTask | undefined {
    return readFileOf(taskSchema, this.#path(number));
  }

  write(number: string, task: LocalTask): void {
    writeWhole(this.#path(number), `${JSON.stringify(task)}\n`);
  }

  remove(number: string): void {
    rmSync(this.#path(number), { force: true });
    rmSync(this.logFile(number), { force: true });
  }

  logFile(number: string): string {
    return join(this.root, "logs", `${number}.log`);
  }

  /** How many jobs each group runs at a time, and those that start none. */
  groups(): LocalGroups {
    return readFileOf(groupsSchema, this.#groups) ?? { version: 1, parallel: {}, paused: [] };
  }

  writeGroups(groups: Partial<LocalGroups>): void {
    writeWhole(this.#groups, `${JSON.stringify({ ...this.groups(), ...groups })}\n`);
  }

  request(number: string, how: CancelHow): void {
    writeWhole(join(this.#requests, `${number}.${how}`), "");
  }

  /** Takes the requests that wait. */
  takeRequests(): { readonly number: string; readonly how: CancelHow }[] {
    return namesIn(this.#requests).flatMap((name) => {
      // Only whole names: what is still being written beside its place has a longer one, and its writer needs it.
      const [, number = "", how] = /^([^.]+)\.(stop|kill)$/.exec(name) ?? [];
      if (how !== "stop" && how !== "kill") return [];
      rmSync(join(this.#requests, name), { force: true });
      return [{ number, how }];
    });
  }

  /** Calls back when a task or a request may have come; without the promise that it always does. */
  watch(changed: () => void): () => void {
    const watchers = [this.#tasks, this.#requests].map((folder) => watch(folder, { persistent: false }, changed));
    for (const one of watchers) one.on("error", changed);
    return () => watchers.forEach((one) => one.close());
  }

  #path(number: string): string {
    return join(this.#tasks, `${number}.json`);
  }
}

type CancelHow = "stop" | "kill";

const outcomeSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("success") }),
  z.strictObject({ kind: z.literal("failed"), code: z.int() }),
  z.strictObject({ kind: z.literal("killed") }),
  z.strictObject({ kind: z.literal("errored"), reason: z.string() }),
  z.strictObject({ kind: z.literal("failed-to-spawn"), reason: z.string() }),
  z.strictObject({ kind: z.literal("dependency-failed") }),
]);

const taskSchema = z.strictObject({
  version: z.literal(1),
  label: z.string(),
  group: z.string(),
  argv: z.tuple([z.string()], z.string()),
  directory: z.string(),
  createdAt: z.iso.datetime(),
  /** Numbers of tasks that have to end well before it begins. */
  after: z.array(z.string()).optional(),
  state: z.discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("queued") }),
    z.strictObject({
      kind: z.literal("running"),
      startedAt: z.iso.datetime(),
      pid: z.int().positive(),
      processStart: z.string(),
    }),
    z.strictObject({
      kind: z.literal("done"),
      outcome: outcomeSchema,
      startedAt: z.iso.datetime(),
      endedAt: z.iso.datetime(),
    }),
  ]),
});
export type LocalTask = z.infer<typeof taskSchema>;

const groupsSchema = z.strictObject({
  version: z.literal(1),
  parallel: z.record(z.string(), z.int().positive()),
  paused: z.array(z.string()).default([]),
});
export type LocalGroups = z.infer<typeof groupsSchema>;

/** Sorts by time, and within a batch by its order. */
export function newNumber(now: number, indexInBatch: number): string {
  return `${now}-${String(indexInBatch).padStart(5, "0")}-${randomBytes(3).toString("hex")}`;
}

function readFileOf<Schema extends z.ZodType>(schema: Schema, path: string): z.output<Schema> | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (!existsSync(path)) return undefined;
    throw error;
  }
  const parsed = schema.safeParse(JSON.parse(text));
  if (parsed.success) return parsed.data;
  throw new UnavailableError(`${path} is not of this version: ${z.prettifyError(parsed.error)}`, {
    code: "QUEUE_UNKNOWN_STATE",
    subject: path,
    hint: "another release of barkeep wrote it: let that one finish, then remove the file",
    cause: parsed.error,
  });
}

function namesIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}

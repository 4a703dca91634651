import { z } from "zod";
import { UnavailableError } from "../../model/errors.ts";
import { memoryLimitIn } from "../memory-option.ts";
import type { QueueGroup, QueueSnapshot, QueueTask, TaskOutcome, TaskState } from "../queue.ts";

/** Times come in the daemon's zone with up to nine decimals; ours are UTC with as many. */
const time = z.string().transform((text, context) => {
  const match = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$/.exec(text);
  const ms = match === null ? Number.NaN : Date.parse(`${match[1]}${match[3]}`);
  if (!Number.isNaN(ms)) return `${new Date(ms).toISOString().slice(0, 19)}${match?.[2] ?? ""}Z`;
  context.addIssue(`"${text}" is not a time`);
  return z.NEVER;
});

const resultSchema = z.union([
  z.literal("Success").transform((): TaskOutcome => ({ kind: "success" })),
  z.literal("Killed").transform((): TaskOutcome => ({ kind: "killed" })),
  z.literal("Errored").transform((): TaskOutcome => ({ kind: "errored", reason: "pueue could not wait for it" })),
  z.literal("DependencyFailed").transform((): TaskOutcome => ({ kind: "dependency-failed" })),
  z.strictObject({ Failed: z.int() }).transform((one): TaskOutcome => ({ kind: "failed", code: one.Failed })),
  z
    .strictObject({ FailedToSpawn: z.string() })
    .transform((one): TaskOutcome => ({ kind: "failed-to-spawn", reason: one.FailedToSpawn })),
]);

/** An object with one key, the state's name, as pueue 4 prints it; pueue 3 printed the bare name. */
const statusSchema = z.union([
  z.strictObject({ Queued: z.strictObject({ enqueued_at: time }) }).transform((): TaskState => ({ kind: "queued" })),
  z
    .strictObject({ Stashed: z.strictObject({ enqueue_at: time.nullable() }) })
    .transform((one): TaskState => ({ kind: "stashed", startAt: one.Stashed.enqueue_at ?? undefined })),
  z
    .strictObject({ Running: z.strictObject({ enqueued_at: time, start: time }) })
    .transform((one): TaskState => ({ kind: "running", startedAt: one.Running.start })),
  z
    .strictObject({ Paused: z.strictObject({ enqueued_at: time, start: time }) })
    .transform((one): TaskState => ({ kind: "paused", startedAt: one.Paused.start })),
  z
    .strictObject({ Locked: z.strictObject({ previous_status: z.unknown() }) })
    .transform((): TaskState => ({ kind: "locked" })),
  z
    .strictObject({ Done: z.strictObject({ enqueued_at: time, start: time, end: time, result: resultSchema }) })
    .transform(({ Done: done }): TaskState => ({
      kind: "done",
      outcome: done.result,
      startedAt: done.start,
      endedAt: done.end,
    })),
]);

const groupStates = { Running: "running", Paused: "paused", Reset: "resetting" } as const;
const groupSchema = z.strictObject({ status: z.string(), parallel_tasks: z.int().nonnegative() });

/** What is not used (the environment) is not looked at. */
const documentSchema = z.strictObject({
  tasks: z.record(
    z.string(),
    z.object({
      created_at: time,
      group: z.string(),
      label: z.string().nullable(),
      command: z.string(),
      status: z.unknown(),
      dependencies: z.array(z.int()).default([]),
    }),
  ),
  groups: z.record(z.string(), groupSchema),
});

/**
 * Reads what `pueue status --json` printed.
 * @throws UnavailableError QUEUE_SHAPE for another shape, QUEUE_UNKNOWN_STATE for a state, result or group state that is not known
 */
export function parseStatus(text: string, host: string): QueueSnapshot {
  const { data, error } = documentSchema.safeParse(parseJson(text));
  if (data === undefined) {
    throw new UnavailableError(`pueue on ${host} answers in a shape that is not known: ${z.prettifyError(error)}`, {
      code: "QUEUE_SHAPE",
      subject: host,
      hint: "barkeep knows pueue 4; look at `pueue --version` there",
      cause: error,
    });
  }
  const seen = Object.entries(data.tasks).map(([number, task]) => {
    const state = statusSchema.safeParse(task.status).data;
    if (state === undefined) throw unknownState(host, `task ${number}`, task.status);
    return { number, state, task };
  });
  const open = new Set(seen.filter(({ state }) => state.kind !== "done").map(({ number }) => number));
  const tasks = seen.map(
    ({ number, state, task: { label, created_at: createdAt, group, command, dependencies } }): QueueTask => {
      const awaits = dependencies.map(String).filter((one) => open.has(one));
      const isHeld = state.kind === "queued" && awaits.length > 0;
      return {
        label: label ?? "",
        createdAt,
        group,
        state,
        number,
        memoryBytes: memoryLimitIn(command),
        awaits: isHeld ? awaits : undefined,
      };
    },
  );
  const groups = Object.entries(data.groups).map(([name, group]): QueueGroup => {
    const known = Object.entries(groupStates).find(([one]) => one === group.status)?.[1];
    if (known === undefined) throw unknownState(host, `group ${name}`, group.status);
    return { name, status: known, parallel: group.parallel_tasks === 0 ? "unlimited" : group.parallel_tasks };
  });
  return { tasks, groups };
}

const logSchema = z.record(z.string(), z.object({ output: z.string() }));

/** Reads what `pueue log --json` printed of a task. @throws UnavailableError QUEUE_SHAPE */
export function parseLog(text: string, number: string, host: string): string {
  const output = logSchema.safeParse(parseJson(text)).data?.[number]?.output;
  if (output !== undefined) return output;
  throw new UnavailableError(`pueue on ${host} does not show the output of task ${number}`, {
    code: "QUEUE_SHAPE",
    subject: host,
    hint: `look yourself, there: pueue log ${number}`,
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text.slice(0, 200);
  }
}

function unknownState(host: string, of: string, state: unknown): UnavailableError {
  const shown = JSON.stringify(state)?.slice(0, 200) ?? "nothing";
  return new UnavailableError(`${of} of pueue on ${host} is in a state that is not known: ${shown}`, {
    code: "QUEUE_UNKNOWN_STATE",
    subject: host,
    hint: "barkeep knows the states of pueue 4; nothing is done on this host until it can read them all",
  });
}

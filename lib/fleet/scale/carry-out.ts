import type { Ledger } from "../../ledger/index.ts";
import { Failure } from "../../model/errors.ts";
import type { Action } from "../../plan/scaler/decision.ts";
import { parseLabel } from "../../queue/label.ts";
import type { QueueTask } from "../../queue/queue.ts";
import { isCancelled } from "../cancel-note.ts";
import type { OpenFleetHost } from "../fleet-host.ts";
import { holdGroup, letGroupGo } from "../holds.ts";
import { changeHostMemory, drainOf } from "../host-memory.ts";
import { isInHand } from "../live.ts";
import { keepStopped } from "../older-notes.ts";
import { leaveStopNote } from "../stop-note.ts";
import { unitOf, type QueueLook } from "./reading.ts";

/** Ends a job to give its memory back. */
export type ReliefAction = Extract<Action, { readonly unit: string }>;

/**
 * Does what was decided, in its order. Where the host cannot keep that a group is held, as on a full disk, the group is not held, for it would be
 * taken for somebody's pause; but memory is given back all the same, and that is said at the end.
 * @param look by which it was decided
 * @param onRelief called behind each job that was ended
 * @throws what the queue and the host throw; then the rest is left undone. Behind the last: why the host could not keep something
 */
export async function carryOut(
  fleetHost: OpenFleetHost,
  { memory, snapshot }: Pick<QueueLook, "memory" | "snapshot">,
  actions: readonly Action[],
  ledger: Ledger,
  onRelief: (action: ReliefAction) => void = () => {},
): Promise<void> {
  let unkept: Failure | undefined;
  for (const action of actions) {
    switch (action.action) {
      case "set parallel":
        await fleetHost.queue.setParallel(action.group, action.to);
        break;
      case "hold group":
        // The others would wait for the same, and there may be jobs to be ended.
        unkept ??= await failureOf(async () => holdGroup(fleetHost, ledger, action));
        break;
      case "let group go": {
        const { group, parallel, reason } = action;
        ledger.journal.record("group.letting-go", group, { host: fleetHost.entry.name, reason });
        await fleetHost.queue.setParallel(group, parallel);
        const seen = memory.holds.filter((hold) => hold.group === group);
        // Who has drained the host since relies on what was held then.
        await letGroupGo(fleetHost, group, seen, (now) => drainOf(now) === undefined);
        break;
      }
      case "stop at commit":
      case "kill": {
        const task = snapshot.tasks.find((one) => isStoppable(one) && unitOf(one).unit === action.unit);
        if (task === undefined) break;
        unkept = await noteStop(fleetHost, task, action, ledger, unkept);
        await fleetHost.queue.cancel([task], action.action === "kill" ? "kill" : "stop");
        onRelief(action);
        break;
      }
      case "stop admitting":
      case "admit again":
        // Kept in the state that the decision leaves; the groups are held and let go by actions of their own.
        break;
      default:
        action satisfies never;
    }
  }
  if (unkept !== undefined) throw unkept;
}

async function failureOf(act: () => Promise<void>): Promise<Failure | undefined> {
  try {
    await act();
    return undefined;
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
}

/**
 * Notes of a job that is about to be ended that it is to be queued again. One that a person has cancelled, and that goes on to its next commit,
 * is ended too, and not queued again. What the host cannot keep is kept in the ledger, until it can.
 * @param unkept why the host could not keep something just now: then it is not asked again
 * @returns the same, of this job too
 */
async function noteStop(
  fleetHost: OpenFleetHost,
  { label, createdAt }: QueueTask,
  { action: how, unit: job, reason }: ReliefAction,
  ledger: Ledger,
  unkept: Failure | undefined,
): Promise<Failure | undefined> {
  const { name } = fleetHost.entry;
  ledger.journal.record("job.stopping", job, { host: name, label, how, reason });
  const stopped = { job, label, createdAt, how, waitingSinceMs: Date.parse(createdAt) };
  const failure =
    unkept ??
    (await failureOf(async () => {
      if (await isCancelled(fleetHost, label)) return;
      await changeHostMemory(fleetHost, (memory) => {
        const before = memory.stopped.find((one) => one.job === job);
        const waitingSinceMs = before?.waitingSinceMs ?? stopped.waitingSinceMs;
        const others = memory.stopped.filter((one) => one !== before);
        return { ...memory, stopped: [...others, { ...stopped, waitingSinceMs }] };
      });
    }));
  if (failure !== undefined) keepStopped(ledger, name, stopped);
  const note = { version: 1, how, reason, at: new Date(ledger.clock.wallMs()).toISOString() } as const;
  const unnoted = await failureOf(async () => leaveStopNote(fleetHost, label, note));
  return failure ?? unnoted;
}

function isStoppable(task: QueueTask): boolean {
  return parseLabel(task.label) !== undefined && isInHand(task);
}

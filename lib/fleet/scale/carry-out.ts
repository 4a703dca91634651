import type { Ledger } from "../../ledger/index.ts";
import type { Action } from "../../plan/scaler/decision.ts";
import { parseLabel } from "../../queue/label.ts";
import type { QueueSnapshot, QueueTask } from "../../queue/queue.ts";
import { isCancelled } from "../cancel-note.ts";
import type { OpenFleetHost } from "../fleet-host.ts";
import { holdGroup, letGroupGo } from "../holds.ts";
import { changeHostMemory } from "../host-memory.ts";
import { isInHand } from "../live.ts";
import { leaveStopNote } from "../stop-note.ts";
import { unitOf } from "./reading.ts";

/** Does what was decided, in its order. @throws what the queue and the host throw; then the rest is left undone */
export async function carryOut(
  fleetHost: OpenFleetHost,
  snapshot: QueueSnapshot,
  actions: readonly Action[],
  ledger: Ledger,
): Promise<void> {
  for (const action of actions) {
    switch (action.action) {
      case "set parallel":
        await fleetHost.queue.setParallel(action.group, action.to);
        break;
      case "hold group":
        await holdGroup(fleetHost, ledger, action);
        break;
      case "let group go":
        await fleetHost.queue.setParallel(action.group, action.parallel);
        await letGroupGo(fleetHost, ledger, action.group, action.reason);
        break;
      case "stop at commit":
      case "kill":
        await stopUnit(fleetHost, snapshot, action, ledger);
        break;
      case "stop admitting":
      case "admit again":
        // Kept in the state that the decision leaves; the groups are held and let go by actions of their own.
        break;
      default:
        action satisfies never;
    }
  }
}

/**
 * Ends a job that is to be queued again: that is noted before it is ended. One that a person has cancelled, and that goes on to its next
 * commit, is ended too, and not queued again.
 */
async function stopUnit(
  fleetHost: OpenFleetHost,
  { tasks }: QueueSnapshot,
  action: Extract<Action, { readonly unit: string }>,
  ledger: Ledger,
): Promise<void> {
  const task = tasks.find((one) => isStoppable(one) && unitOf(one).unit === action.unit);
  if (task === undefined) return;
  const { label, createdAt } = task;
  const { action: how, unit: job, reason } = action;
  ledger.journal.record("job.stopping", job, { host: fleetHost.entry.name, label, how, reason });
  if (!(await isCancelled(fleetHost, label))) {
    await changeHostMemory(fleetHost, (memory) => {
      const before = memory.stopped.find((one) => one.job === job);
      const waitingSinceMs = before?.waitingSinceMs ?? Date.parse(createdAt);
      const others = memory.stopped.filter((one) => one !== before);
      return { ...memory, stopped: [...others, { job, label, createdAt, how, waitingSinceMs }] };
    });
  }
  await leaveStopNote(fleetHost, label, { version: 1, how, reason, at: new Date(ledger.clock.wallMs()).toISOString() });
  await fleetHost.queue.cancel([task], action.action === "kill" ? "kill" : "stop");
}

function isStoppable(task: QueueTask): boolean {
  return parseLabel(task.label) !== undefined && isInHand(task);
}

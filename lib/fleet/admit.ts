import { jobNameText } from "../queue/label.ts";
import { roomInQueue, type QueueGroupLoad, type QueueRoom } from "../plan/queue-room.ts";
import { assumedBytesOf, scalerLimits } from "../plan/scaler/limits.ts";
import type { JobRequest } from "./enqueue.ts";
import { isLive, runs } from "./live.ts";
import type { HostLook } from "./look.ts";
import { hostLimitBytes } from "./placement.ts";

/**
 * Which of the jobs a host's queue may be given beside those it has, and the limits its groups need for that. Slurm places by
 * memory itself: there everything is admitted.
 */
export function admitOn({ fleetHost, unattended, snapshot }: HostLook, requests: readonly JobRequest[]): QueueRoom {
  const { entry, queue } = fleetHost;
  const candidates = requests.map(({ job, memoryBytes }) => ({
    job: jobNameText(job),
    group: job.group,
    requestBytes: memoryBytes,
  }));
  if (queue.kind === "slurm") {
    return { admitted: new Set(candidates.map(({ job }) => job)), held: new Map(), lowered: new Map() };
  }
  const live = snapshot.tasks.filter((task) => isLive(task, unattended));
  const loads = snapshot.groups.map(({ name, parallel }): QueueGroupLoad => {
    const ofGroup = live
      .filter(({ group }) => group === name)
      .map((task) => ({
        bytes: task.memoryBytes ?? assumedBytesOf(scalerLimits, name),
        isRunning: runs(task, unattended),
      }));
    const running = ofGroup.filter(({ isRunning }) => isRunning).reduce((sum, { bytes }) => sum + bytes, 0);
    return { name, parallel, requestsBytes: ofGroup.map(({ bytes }) => bytes), runningBytes: running };
  });
  return roomInQueue(candidates, loads, hostLimitBytes(entry));
}

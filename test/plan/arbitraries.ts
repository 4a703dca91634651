import * as fc from "fast-check";
import type { Pressure } from "../../lib/plan/proc.ts";
import type { GroupReading, HostReading, RunningUnit } from "../../lib/plan/scaler/reading.ts";

const gigabyte = 1e9;
export const groupNames = ["p1", "p2", "p3", "px", "yearly"] as const;

/** A quiet host of 61 GB with nothing to do; each test changes what it is about. */
export function quietReading(changes: Partial<HostReading> = {}): HostReading {
  return {
    host: "big",
    readAtMs: 1_000_000,
    cores: 32,
    load: { one: 1, five: 1, fifteen: 1 },
    memory: { totalBytes: 61 * gigabyte, availableBytes: 55 * gigabyte },
    pressure: { cpu: stall(0), memory: stall(0), io: stall(0) },
    budget: { memoryBytes: 61 * gigabyte, reserveBytes: 6 * gigabyte },
    jobsMax: 32,
    groups: [group("p1", 4), group("p2", 2), group("p3", 3)],
    running: [],
    queued: [],
    waiting: [],
    ...changes,
  };
}

export function stall(some: number, full = 0): Pressure {
  return {
    some: { avg10: some, avg60: some, avg300: some },
    full: { avg10: full, avg60: full, avg300: full },
  };
}

export function group(
  name: string,
  parallel: GroupReading["parallel"],
  state: GroupReading["state"] = "running",
): GroupReading {
  return { name, parallel, state };
}

export function runningUnit(name: string, groupName: string, changes: Partial<RunningUnit> = {}): RunningUnit {
  return {
    unit: name,
    group: groupName,
    requestBytes: 0.5 * gigabyte,
    startedAtMs: 0,
    peakBytes: 0.4 * gigabyte,
    isLive: false,
    ...changes,
  };
}

/** So many tasks of a group, running or queued. */
export function tasks(count: number, groupName: string, requestBytes: number | undefined, prefix = "u"): RunningUnit[] {
  return Array.from({ length: count }, (_, i) => {
    return runningUnit(`${prefix}${i}@${groupName}`, groupName, { requestBytes, startedAtMs: i });
  });
}

const percent = fc.oneof(fc.constant(0), fc.double({ min: 0, max: 100, noNaN: true }));
const averages = fc.record({ avg10: percent, avg60: percent, avg300: percent });
const pressure = fc.record({ some: averages, full: fc.option(averages, { nil: undefined }) });
const state = fc.constantFrom<GroupReading["state"]>(
  "running",
  "running",
  "running",
  "held",
  "paused",
  "resetting",
  "unknown",
);
const groupName = fc.constantFrom(...groupNames);
const request = fc.option(fc.integer({ min: 1, max: 9e9 }), { nil: undefined, freq: 8 });
const queuedUnit = fc.record({ unit: fc.uuid(), group: groupName, requestBytes: request });
const runningUnits = fc.record({
  unit: fc.uuid(),
  group: groupName,
  requestBytes: request,
  startedAtMs: fc.integer({ min: 0, max: 900_000 }),
  peakBytes: fc.option(fc.integer({ min: 1, max: 9e9 }), { nil: undefined }),
  isLive: fc.boolean(),
});

/** Any host that a decision can be asked about, at 1,000,000 ms: quiet, busy, short of memory, half unreadable. */
export const anyReading: fc.Arbitrary<HostReading> = fc
  .record({
    lost: fc.option(fc.constant("no answer"), { nil: undefined, freq: 20 }),
    cores: fc.option(fc.integer({ min: 1, max: 128 }), { nil: undefined, freq: 10 }),
    load: fc.option(
      fc.double({ min: 0, max: 200, noNaN: true }).map((one) => ({ one, five: one, fifteen: one })),
      { nil: undefined, freq: 10 },
    ),
    totalBytes: fc.integer({ min: 1e9, max: 200e9 }),
    availableShare: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined, freq: 10 }),
    pressure: fc.oneof(
      { weight: 6, arbitrary: fc.record({ cpu: pressure, memory: pressure, io: pressure }) },
      { weight: 2, arbitrary: fc.constant({ cpu: stall(0), memory: stall(0), io: stall(0) }) },
      { weight: 2, arbitrary: fc.constant("none" as const) },
      { weight: 1, arbitrary: fc.constant(undefined) },
    ),
    reserveShare: fc.double({ min: 0, max: 0.5, noNaN: true }),
    jobsMax: fc.integer({ min: 1, max: 40 }),
    groups: fc.option(
      fc.uniqueArray(
        fc.record({
          name: groupName,
          parallel: fc.oneof({ weight: 9, arbitrary: fc.nat(20) }, fc.constantFrom(undefined, "unlimited" as const)),
          state,
        }),
        {
          selector: ({ name }) => name,
        },
      ),
      { nil: undefined, freq: 20 },
    ),
    running: fc.array(runningUnits, { maxLength: 12 }),
    queued: fc.array(queuedUnit, { maxLength: 12 }),
    awaiting: fc.array(queuedUnit, { maxLength: 6 }),
    waiting: fc.array(queuedUnit, { maxLength: 6 }),
  })
  .map(({ totalBytes, availableShare, reserveShare, ...rest }) =>
    Object.assign(rest, {
      host: "any",
      readAtMs: 1_000_000,
      memory:
        availableShare === undefined
          ? undefined
          : { totalBytes, availableBytes: Math.floor(totalBytes * availableShare) },
      budget: { memoryBytes: totalBytes, reserveBytes: Math.floor(totalBytes * reserveShare) },
    }),
  );

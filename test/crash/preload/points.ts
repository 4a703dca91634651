import fs from "node:fs";

// Taken before anything is wrapped: the points' own writes are no points.
const { openSync, writeSync } = fs;

/** Where in a point a process dies: at it, or some microseconds into what it stands in front of. */
interface Deadly {
  /** A number, or the name of which the first one counts. */
  readonly point: number | string;
  readonly intoUs: number | undefined;
}

const deadly = readDeadly(process.env["BARKEEP_CRASH_AT"]);
const traceFile = process.env["BARKEEP_CRASH_TRACE"];
const trace = traceFile === undefined ? undefined : openSync(traceFile, "a");
let passed = 0;

function readDeadly(text: string | undefined): Deadly | undefined {
  if (text === undefined || text === "") return undefined;
  const [, point, intoUs] = /^(\d+)(?:\+(\d+))?$/.exec(text) ?? [];
  if (point === undefined) return { point: text, intoUs: undefined };
  return { point: Number(point), intoUs: intoUs === undefined ? undefined : Number(intoUs) };
}

/**
 * Passes a point: numbers it and writes it into the trace. The process ends here when it is the one.
 * @returns how far into what follows the process must die [µs], when that is asked for
 */
function pass(name: string): number | undefined {
  passed += 1;
  if (trace !== undefined) writeSync(trace, `${passed}\t${performance.now().toFixed(1)}\t${name}\n`);
  if (deadly === undefined || (deadly.point !== passed && deadly.point !== name)) return undefined;
  if (deadly.intoUs === undefined) die();
  return deadly.intoUs;
}

function die(): void {
  process.kill(process.pid, "SIGKILL");
}

/** How the microseconds into a call pass: the event loop must go on, or must not come in between. */
export type Waiting = "loop" | "spin";

/** Calls something that changes what outlives the process, with a point before it and one behind its end. */
export function between(what: string, call: () => unknown, waiting: Waiting = "loop"): unknown {
  const intoUs = pass(`before ${what}`);
  const result = call();
  if (intoUs !== undefined) dieIn(intoUs, waiting);
  if (result instanceof Promise) return result.finally(() => pass(`after ${what}`));
  pass(`after ${what}`);
  return result;
}

/** The same for a call whose end is told to a callback, its last argument. */
export function betweenCallback(what: string, args: readonly unknown[], call: (args: unknown[]) => unknown): unknown {
  const done = args.at(-1);
  if (typeof done !== "function") return call([...args]);
  pass(`before ${what}`);
  const andPass = (...results: unknown[]): void => {
    pass(`after ${what}`);
    Reflect.apply(done, undefined, results);
  };
  return call([...args.slice(0, -1), andPass]);
}

/** A point of its own, for what is no call. */
export function at(name: string, waiting: Waiting = "loop"): void {
  const intoUs = pass(name);
  if (intoUs !== undefined) dieIn(intoUs, waiting);
}

function dieIn(us: number, waiting: Waiting): void {
  if (waiting === "loop") {
    setTimeout(die, us / 1000);
    return;
  }
  const endMs = performance.now() + us / 1000;
  while (performance.now() < endMs);
  die();
}

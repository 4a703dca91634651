import fs from "node:fs";
import { relative } from "node:path";
import { between, betweenCallback } from "./points.ts";
import { wrap, wrapMethod } from "./wrap.ts";

/** Only what lies in the state directory outlives a run of the program. */
const root = process.env["BARKEEP_CRASH_ROOT"] ?? "/";

/** A path as points name it, without what is another in every run; undefined outside the state directory. */
function nameOf(path: unknown): string | undefined {
  const text = path instanceof URL ? path.pathname : String(path);
  if (text !== root && !text.startsWith(`${root}/`)) return undefined;
  return (relative(root, text) || ".")
    .replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, "*")
    .replace(/\.\d+\.(tmp|old)$/, ".$1")
    .replace(/\.\d+@[^/]*\.part$/, ".part");
}

const namesByDescriptor = new Map<unknown, string>();
const namesByHandle = new WeakMap<object, string>();

function isForReading(flags: unknown): boolean {
  return flags === undefined || flags === "r" || flags === fs.constants.O_RDONLY;
}

/** Functions whose first argument, or second, is the path that changes. */
const ofPaths = {
  mkdir: 0,
  rm: 0,
  unlink: 0,
  rmdir: 0,
  writeFile: 0,
  appendFile: 0,
  truncate: 0,
  rename: 1,
  link: 1,
  symlink: 1,
  copyFile: 1,
};
const ofDescriptors = ["write", "writev", "fsync", "fdatasync", "ftruncate"];
const ofHandles = {
  write: "write",
  writev: "write",
  writeFile: "write",
  appendFile: "write",
  sync: "fsync",
  datasync: "fsync",
  truncate: "truncate",
};

/** Makes points of what the program does to files, through whichever face of node:fs. */
export async function instrumentFiles(): Promise<void> {
  for (const [name, position] of Object.entries(ofPaths)) {
    const around = (call: (args: readonly unknown[]) => unknown, args: readonly unknown[]): unknown => {
      const path = nameOf(args[position]);
      return path === undefined ? call(args) : between(`${name} ${path}`, () => call(args));
    };
    wrap(fs, `${name}Sync`, around);
    wrap(fs.promises, name, around);
    wrap(fs, name, (call, args) => {
      const path = nameOf(args[position]);
      return path === undefined ? call(args) : betweenCallback(`${name} ${path}`, args, call);
    });
  }
  for (const name of ofDescriptors) {
    wrap(fs, `${name}Sync`, (call, args) => {
      const path = namesByDescriptor.get(args[0]);
      return path === undefined ? call(args) : between(`${name} ${path}`, () => call(args));
    });
    wrap(fs, name, (call, args) => {
      const path = namesByDescriptor.get(args[0]);
      return path === undefined ? call(args) : betweenCallback(`${name} ${path}`, args, call);
    });
  }
  instrumentOpening();
  await instrumentHandles();
}

function instrumentOpening(): void {
  wrap(fs, "openSync", (call, args) => {
    const path = nameOf(args[0]);
    if (path === undefined || isForReading(args[1])) return call(args);
    const descriptor = between(`open ${path}`, () => call(args));
    namesByDescriptor.set(descriptor, path);
    return descriptor;
  });
  wrap(fs, "open", (call, args) => {
    const path = nameOf(args[0]);
    const done = args.at(-1);
    if (path === undefined || isForReading(args[1]) || typeof done !== "function") return call(args);
    const remember = (error: unknown, descriptor: unknown): void => {
      if (typeof descriptor === "number") namesByDescriptor.set(descriptor, path);
      Reflect.apply(done, undefined, [error, descriptor]);
    };
    return betweenCallback(`open ${path}`, [...args.slice(0, -1), remember], call);
  });
  for (const name of ["closeSync", "close"]) {
    wrap(fs, name, (call, args) => {
      namesByDescriptor.delete(args[0]);
      return call(args);
    });
  }
}

async function instrumentHandles(): Promise<void> {
  const any = await fs.promises.open(import.meta.filename);
  const prototype: unknown = Object.getPrototypeOf(any);
  await any.close();
  if (typeof prototype !== "object" || prototype === null) throw new Error("a file handle has no prototype");
  wrap(fs.promises, "open", async (call, args) => {
    const path = nameOf(args[0]);
    if (path === undefined) return call(args);
    const opened = await (isForReading(args[1]) ? call(args) : between(`open ${path}`, () => call(args)));
    if (typeof opened === "object" && opened !== null) namesByHandle.set(opened, path);
    return opened;
  });
  for (const [name, kind] of Object.entries(ofHandles)) {
    wrapMethod(prototype, name, (self, call, args) => {
      const path = namesByHandle.get(self);
      return path === undefined ? call(args) : between(`${kind} ${path}`, () => call(args));
    });
  }
}

import { dirname, resolve } from "node:path";
import { projectRoot } from "../config/index.ts";

/**
 * Queries of the embedded engine hold a thread of libuv's pool each, and with the default of four threads five of them
 * starve file access (fs.stat took 3.7 s).
 */
const poolSize = "16";

/**
 * Gives a program of ops/ its thread pool. libuv reads the size when its first thread starts and ignores it afterwards,
 * so this runs when lib/command is imported. A loader (tsx) has used the pool before any of our lines: the program then
 * starts over in the same process, once, with the size set.
 */
function ensureThreadPool(): void {
  const [, main, ...argv] = process.argv;
  if (main === undefined || !isProgram(main) || process.env["UV_THREADPOOL_SIZE"] !== undefined) return;
  process.env["UV_THREADPOOL_SIZE"] = poolSize;
  if (process.execArgv.length > 0 && process.execve !== undefined) {
    process.execve(process.execPath, [process.execPath, ...process.execArgv, main, ...argv], process.env);
  }
}

function isProgram(file: string): boolean {
  return dirname(resolve(file)).startsWith(resolve(projectRoot, "ops"));
}

ensureThreadPool();

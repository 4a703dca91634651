/**
 * Loaded into a program of ops/ from outside (`NODE_OPTIONS=--import=…`), so that the program itself holds nothing for tests.
 * Numbers every point before and behind what outlives the process: files, statements to the store, SQLite.
 *
 *   BARKEEP_CRASH_ROOT   the state directory, whose files count
 *   BARKEEP_CRASH_TRACE  a file that gets a line per point: number, ms since the process began, name
 *   BARKEEP_CRASH_CLOCK  how many times faster Date.now() goes, so that commits that wait for seconds come every day
 *   BARKEEP_CRASH_AT     N: SIGKILL at point N; N+US: US microseconds into what point N stands in front of; a name: at the
 *                        first point that is called so
 */
import { syncBuiltinESMExports } from "node:module";
import { dirname, join, resolve } from "node:path";

const startedMs = performance.now();
const ops = join(import.meta.dirname, "..", "..", "ops");
const program = process.argv[1];

// The launcher passes its environment on to the program, which then takes its place.
if (program !== undefined && dirname(resolve(program)).startsWith(ops)) {
  const { instrumentFiles } = await import("./preload/files.ts");
  const { instrumentEngine } = await import("./preload/engine.ts");
  const { instrumentHttp } = await import("./preload/http.ts");
  const { instrumentSqlite } = await import("./preload/sqlite.ts");
  instrumentEngine();
  instrumentSqlite();
  instrumentHttp();
  await instrumentFiles();
  syncBuiltinESMExports();
  const startMs = Date.now();
  const times = Number(process.env["BARKEEP_CRASH_CLOCK"] ?? 1);
  Date.now = () => startMs + Math.round((performance.now() - startedMs) * times);
}

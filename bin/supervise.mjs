#!/usr/bin/env node
// What a queue runs for each job: see lib/queue/supervise/supervise.ts.
import { useCompileCache } from "./compile-cache.mjs";

useCompileCache();
const { superviseMain } = await import("../lib/queue/supervise/program.ts");
process.exit(await superviseMain(process.argv.slice(2)));

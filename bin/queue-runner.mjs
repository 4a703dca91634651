#!/usr/bin/env node
// The process that runs the local queue's tasks: see lib/queue/local/runner.ts.
import { useCompileCache } from "./compile-cache.mjs";

useCompileCache();
const { runLocalQueue } = await import("../lib/queue/local/runner.ts");
await runLocalQueue(process.argv[2] ?? "");

#!/usr/bin/env node
// The process that runs the local queue's tasks: see lib/queue/local/runner.ts.
import { runLocalQueue } from "../lib/queue/local/runner.ts";

await runLocalQueue(process.argv[2] ?? "");

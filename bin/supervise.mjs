#!/usr/bin/env node
// What a queue runs for each job: see lib/queue/supervise/supervise.ts.
import { superviseMain } from "../lib/queue/supervise/program.ts";

process.exit(await superviseMain(process.argv.slice(2)));

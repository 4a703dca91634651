// First: it must come before anything that uses libuv's thread pool.
import "./thread-pool.ts";

export { defineCommand, type Command, type CommandContext } from "./define.ts";
export { jsonDocument } from "./json.ts";
export { runIfMain } from "./main.ts";
export { runCommand, type CommandHost } from "./run.ts";

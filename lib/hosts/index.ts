export type { CommandEnd, Endpoint, ExecOptions, ExecResult, Host, RunningCommand, RunOptions } from "./host.ts";
export { openHost } from "./open.ts";
export { Tunnel } from "./tunnel.ts";

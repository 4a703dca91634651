import type { FleetHost } from "../../config/index.ts";
import { openHost, type Host } from "../../hosts/index.ts";
import { Failure, RetryableError } from "../../model/errors.ts";
import { failed, ok, skipped, unknown, type Finding } from "../finding.ts";
import { checkClock } from "./clock.ts";
import { judgeFacts } from "./fact-checks.ts";
import { askFacts } from "./facts.ts";
import { checkQueue } from "./queue.ts";
import { checkStoreFrom } from "./store.ts";

/** Names of what cannot be looked at without a connection. */
const needConnection = [
  "clock",
  "directory",
  "disk",
  "user manager",
  "lingering",
  "memory control",
  "release",
  "queue",
  "store from there",
];

/** Looks at every prerequisite of a host of the fleet; changes nothing. */
export async function examineHost(entry: FleetHost, sshConfigFile: string | undefined): Promise<Finding[]> {
  // Looking at a host does not wait for one that is away.
  await using host = openHost(entry, sshConfigFile, { attempts: 1 });
  const reached = await checkReached(host, entry);
  if (reached.some(({ state }) => state === "failed" || state === "unknown")) {
    return [
      ...reached,
      ...needConnection.map((name) => unknown(name, "there is no connection", "put ssh right first")),
    ];
  }
  // One after the other: what is asked at the same time would blur the clock's look.
  return [
    ...reached,
    await guarded(["clock"], async () => [await checkClock(host, entry.sshAlias === undefined)]),
    ...(await Promise.all([
      guarded(["directory"], async () => judgeFacts(entry, await askFacts(host, entry.directory))),
      guarded(["queue"], async () => [await checkQueue(host, entry)]),
      guarded(["store from there"], async () => [await checkStoreFrom(host, entry)]),
    ])),
  ].flat();
}

async function checkReached(host: Host, entry: FleetHost): Promise<Finding[]> {
  const startedMs = performance.now();
  try {
    const { address, key } = await host.identify();
    if (key === undefined) return [ok("ssh", address), skipped("host key", "this machine needs none")];
    return [
      ok("ssh", `${address}, connected in ${Math.round(performance.now() - startedMs)} ms`),
      ok("host key", `${key.type} ${key.fingerprint}, ${key.entry}`),
    ];
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const fix = error.hint ?? `see what ssh ${entry.sshAlias ?? entry.name} says`;
    // One that is away may be well: nobody could look.
    if (error instanceof RetryableError) return [unknown("ssh", error.message, fix), unseenKey];
    if (!error.code.startsWith("HOST_KEY")) return [failed("ssh", error.message, fix), unseenKey];
    return [unknown("ssh", "its key is not accepted", "see the host key"), failed("host key", error.message, fix)];
  }
}

const unseenKey = unknown("host key", "it was not seen", "put ssh right first");

/** A host that goes away in the middle, or a command that hangs, is a check that could not look. */
async function guarded(names: readonly string[], check: () => Promise<Finding[]>): Promise<Finding[]> {
  try {
    return await check();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return names.map((name) => unknown(name, error.message, error.hint ?? "try again"));
  }
}

import { randomBytes } from "node:crypto";
import type { FleetHost } from "../config/index.ts";
import type { Finding } from "../doctor/finding.ts";
import type { Host } from "../hosts/index.ts";
import type { Ledger } from "../ledger/index.ts";
import { ConfigurationError, RefusedError } from "../model/errors.ts";
import { packArtifact, type Artifact } from "./artifact.ts";
import { passGate, type StoreLogin } from "./gate.ts";
import {
  lookAtReleases,
  prepareFolders,
  removeReleases,
  switchRelease,
  unpackRelease,
  writeHistory,
  type HostReleases,
} from "./host-releases.ts";
import { releaseFolder } from "./programs.ts";
import { historyAfterDeploy, releaseBefore, removable } from "./retention.ts";
import { usedReleases } from "./used-releases.ts";

/** Where a deploy works. */
export interface DeployTarget {
  readonly host: Host;
  readonly entry: FleetHost;
  /** Of this machine: what is done to a host stands in its journal before it is done. */
  readonly ledger: Ledger;
  readonly login: StoreLogin;
  /** Where artifacts are kept here. */
  readonly artifactFolder: string;
  readonly note: (line: string) => void;
  /** What else may refuse a release that is unpacked there, by its folder: asked before the switch. */
  readonly checkRelease: (root: string) => Promise<void>;
}

/** What a deploy is going to do. */
export interface DeployPlan {
  readonly artifact: Artifact;
  readonly current: string | undefined;
  /** False where the host has the release unpacked already. */
  readonly uploads: boolean;
  /** False where it is current already. */
  readonly switches: boolean;
  /** Prerequisites that the host has not; with any of them nothing is sent. */
  readonly lacking: readonly Finding[];
}

/** A release is what a deploy brings, and it needs no queue. */
const ownChecks: ReadonlySet<string> = new Set(["release", "queue"]);

/**
 * Looks at a host. Changes nothing.
 * @param findings the doctor's
 * @throws ConfigurationError DEPLOY_PLATFORM
 */
export async function planDeploy(
  host: Host,
  entry: FleetHost,
  artifact: Artifact,
  findings: readonly Finding[],
): Promise<DeployPlan> {
  const there = await lookAtReleases(host, entry.directory);
  if (there.platform !== thisPlatform()) throw otherPlatform(host, there.platform);
  return {
    artifact,
    current: there.current,
    uploads: !there.unpacked.includes(artifact.name),
    switches: there.current !== artifact.name,
    lacking: findings.filter(({ name, state }) => state === "failed" && !ownChecks.has(name)),
  };
}

/** What a deploy did. */
export interface DeployOutcome {
  readonly release: string;
  readonly before: string | undefined;
  readonly switched: boolean;
  readonly removed: readonly string[];
}

/**
 * Puts a release on a host and makes it current once it has shown that it works there. Killed at any point it leaves the old or the new
 * release current, and the same command goes on.
 * @throws RefusedError HOST_NOT_READY, DEPLOY_GATE; UnavailableError DEPLOY_HOST; what the target's own check and the host throw
 */
export async function deploy(target: DeployTarget, plan: DeployPlan): Promise<DeployOutcome> {
  const { host, entry } = target;
  const { artifact, lacking } = plan;
  const { name } = artifact;
  if (!plan.switches) return { release: name, before: plan.current, switched: false, removed: [] };
  if (lacking.length > 0) throw hostLacks(host, lacking);
  await prepareFolders(host, entry.directory);
  if (plan.uploads) await upload(target, artifact);
  const there = await gateAndSwitch(target, name, ({ history, current }) => historyAfterDeploy(history, current, name));
  return { release: name, before: plan.current, switched: true, removed: await prune(target, name, there) };
}

/** The release that would become current by going back. @throws RefusedError NO_EARLIER_RELEASE */
export async function planRollback(host: Host, entry: FleetHost): Promise<{ current: string; before: string }> {
  const { current, history, unpacked } = await lookAtReleases(host, entry.directory);
  const known = history.filter((one) => unpacked.includes(one));
  const before = current === undefined ? undefined : releaseBefore(known, current);
  if (current !== undefined && before !== undefined) return { current, before };
  throw new RefusedError(`${host.name} has no release before ${current ?? "its first one"}`, {
    code: "NO_EARLIER_RELEASE",
    subject: host.name,
    hint: `there: ls ${entry.directory}/releases; deploy the one you want from its own working tree`,
  });
}

/** Makes the release before the current one current, once it has shown that it still works. @throws as {@link deploy} */
export async function rollback(
  target: DeployTarget,
  { current, before }: { readonly current: string; readonly before: string },
): Promise<DeployOutcome> {
  await gateAndSwitch(target, before, ({ history }) => history);
  return { release: before, before: current, switched: true, removed: [] };
}

async function upload({ host, entry, ledger, artifactFolder, note }: DeployTarget, artifact: Artifact): Promise<void> {
  const { name, digest } = artifact;
  note(`packing release ${name}`);
  const { path, bytes } = await packArtifact(artifact, artifactFolder);
  ledger.journal.record("release.uploading", host.name, { release: name, digest, bytes });
  note(`uploading ${(bytes / 1e6).toFixed(0)} MB to ${host.name}`);
  // Two deploys at once must not take each other's file.
  const archive = `${name}-${randomBytes(4).toString("hex")}.tar.gz`;
  await host.upload(path, `${entry.directory}/releases/${archive}`, 0o600);
  note("unpacking there");
  await unpackRelease(host, entry.directory, { archive, name, digest });
}

async function gateAndSwitch(
  { host, entry, ledger, login, note, checkRelease }: DeployTarget,
  name: string,
  historyOf: (found: HostReleases) => readonly string[],
): Promise<HostReleases> {
  await checkRelease(releaseFolder(entry.directory, name));
  ledger.journal.record("release.gating", host.name, { release: name });
  note(`trying release ${name} there`);
  const { version, bars, digest } = await passGate(host, entry, name, login);
  note(`version ${version}; canary of ${bars} bars, digest ${digest}`);
  // Looked at anew: the gate takes a while.
  const found = await lookAtReleases(host, entry.directory);
  const history = historyOf(found);
  ledger.journal.record("release.switching", host.name, { from: found.current ?? null, to: name });
  // First the way back. A name behind the current one is no harm.
  await writeHistory(host, entry.directory, history);
  await switchRelease(host, entry.directory, name);
  return { ...found, current: name, history };
}

async function prune(
  { host, entry, ledger, note }: DeployTarget,
  current: string,
  { unpacked, history }: HostReleases,
): Promise<readonly string[]> {
  const used = await usedReleases(host, entry);
  if (used === undefined) note("who uses which release cannot be seen there: none is removed");
  const names = removable(unpacked, history, current, used);
  if (names.length === 0) return [];
  ledger.journal.record("release.removing", host.name, { releases: names });
  await removeReleases(host, entry.directory, names);
  return names;
}

function hostLacks(host: Host, lacking: readonly Finding[]): RefusedError {
  const found = lacking.map(({ name, detail }) => `${name}: ${detail}`).join("; ");
  return new RefusedError(`${host.name} is not ready for a release: ${found}`, {
    code: "HOST_NOT_READY",
    subject: host.name,
    hint: `barkeep doctor --host ${host.name} says what to do`,
  });
}

/** As `uname -sm` says it. */
function thisPlatform(): string {
  const systems: Readonly<Partial<Record<NodeJS.Platform, string>>> = { linux: "Linux", darwin: "Darwin" };
  const system = systems[process.platform] ?? process.platform;
  const isArm = process.arch === "arm64";
  return `${system} ${isArm ? (system === "Darwin" ? "arm64" : "aarch64") : "x86_64"}`;
}

function otherPlatform(host: Host, platform: string): ConfigurationError {
  return new ConfigurationError(`${host.name} is ${platform}, and this installation is for ${thisPlatform()}`, {
    code: "DEPLOY_PLATFORM",
    subject: host.name,
    hint: "deploy from a machine of its kind: the release has programs in it",
  });
}

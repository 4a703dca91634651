import { createHash } from "node:crypto";
import { createWriteStream, existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { Transform } from "node:stream";
import { createGzip } from "node:zlib";
import { z } from "zod";
import { ensureFolder } from "../files/folders.ts";
import { releaseFiles } from "./release-files.ts";
import { tarOf, type ReleaseFile } from "./tar.ts";

/** So many digits of a release's digest are its name: enough to be its own, short enough for a list of processes. */
const nameDigits = 16;
/** Most of a release is one program; more effort makes it little smaller. */
const compressionLevel = 4;

/** One release, as it goes to every host that wants the like. */
export interface Artifact {
  /** The first digits of {@link digest}; the release's folder on a host. */
  readonly name: string;
  /** SHA-256 of the tar archive before its compression. */
  readonly digest: string;
  /** In package.json. */
  readonly version: string;
  readonly withEngine: boolean;
  readonly files: readonly ReleaseFile[];
}

/** Whether a name is a release's. */
export function isReleaseName(name: string): boolean {
  return /^[0-9a-f]{16}$/.test(name);
}

/** Names the release that an installation is now. Nothing is written. @throws ConfigurationError NOT_SET_UP */
export async function describeArtifact(root: string, withEngine: boolean): Promise<Artifact> {
  const files = releaseFiles(root, withEngine);
  const hash = createHash("sha256");
  for await (const chunk of tarOf(files)) hash.update(chunk);
  const digest = hash.digest("hex");
  const manifest = z
    .object({ version: z.string() })
    .parse(JSON.parse(readFileSync(join(root, "package.json"), "utf8")));
  return { name: digest.slice(0, nameDigits), digest, version: manifest.version, withEngine, files };
}

/**
 * The artifact as a compressed tar archive in a folder, built there once. Older ones of the folder are removed.
 * @throws Error where a file has changed since the artifact was described
 */
export async function packArtifact(artifact: Artifact, folder: string): Promise<{ path: string; bytes: number }> {
  ensureFolder(folder, 0o700);
  const path = join(folder, `${artifact.name}.tar.gz`);
  if (!existsSync(path)) {
    const temporary = `${path}.${process.pid}.tmp`;
    try {
      await writePacked(artifact, temporary);
      renameSync(temporary, path);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    }
  }
  for (const other of readdirSync(folder)) {
    // Hosts with an engine and hosts without one have an artifact each.
    if (other.endsWith(".tar.gz") && ageMs(join(folder, other)) > keptMs) rmSync(join(folder, other), { force: true });
  }
  return { path, bytes: statSync(path).size };
}

const keptMs = 7 * 24 * 3_600_000;

function ageMs(path: string): number {
  return Date.now() - statSync(path).mtimeMs;
}

async function writePacked(artifact: Artifact, path: string): Promise<void> {
  const hash = createHash("sha256");
  const counted = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
  });
  await pipeline(tarOf(artifact.files), counted, createGzip({ level: compressionLevel }), createWriteStream(path));
  if (hash.digest("hex") !== artifact.digest) throw new Error("a file of the release changed while it was packed");
}

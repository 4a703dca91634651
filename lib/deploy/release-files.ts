import { existsSync, lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { ConfigurationError } from "../model/errors.ts";
import type { ReleaseFile } from "./tar.ts";

/** What runs. Tests, benchmarks, docs and the compiler's tools stay at home, and so do the fleet and the settings. */
const projectParts = [
  "LICENSE",
  "bin",
  "examples",
  "lib",
  "native/barkeep.node",
  "ops",
  "package.json",
  "symbols.toml",
  "systemd",
];

/** Packages of the embedded engine: half a gigabyte that a host with a ClickHouse server does not need. */
const enginePackages = /^(?:chdb|@chdb\/.*)$/;
/** Not loaded by anything that runs from bin/. */
const unusedPackages = /^(?:tsx|esbuild|@esbuild\/.*)$/;

/** Of other packages: declarations, maps, and sources that were compiled here. Their licences go along. */
const needless = /(?:\.d\.[cm]?ts|\.map|\.md|\.markdown)$/;
const needlessFolders: ReadonlySet<string> = new Set([
  "node_modules/better-sqlite3/deps",
  "node_modules/better-sqlite3/src",
]);
/** Its addon for each platform; `linux` stands for both of its C libraries. */
const prebuilt = /\/prebuilds\/(?<system>[a-z0-9]+)-(?<arch>[a-z0-9]+)\.node$/;

const lockSchema = z.object({
  packages: z.record(z.string(), z.object({ dev: z.boolean().default(false) })),
});

/**
 * The files of a release, sorted by path: the same tree gives the same list anywhere.
 * @param root an installation that is set up
 * @throws ConfigurationError NOT_SET_UP for one that is not
 */
export function releaseFiles(root: string, withEngine: boolean): ReleaseFile[] {
  for (const needed of ["package-lock.json", "native/barkeep.node", "node_modules/node/bin/node"]) {
    if (!existsSync(join(root, needed))) throw notSetUp(root, needed);
  }
  const project = projectParts.flatMap((part) => filesUnder(root, part, () => true));
  const packages = productionPackages(root)
    .filter((path) => {
      const name = path.slice("node_modules/".length);
      return !unusedPackages.test(name) && (withEngine || !enginePackages.test(name));
    })
    .flatMap((path) => filesUnder(root, path, (name) => !needless.test(name)))
    .filter(({ path }) => isForThisPlatform(path));
  // By code units, which no locale changes.
  return [...project, ...packages].sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Folders of installed packages that are not for development alone; those for other platforms are not installed. */
function productionPackages(root: string): string[] {
  const lock = lockSchema.parse(JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")));
  return Object.entries(lock.packages)
    .filter(([path, { dev }]) => path !== "" && !dev && existsSync(join(root, path)))
    .map(([path]) => path);
}

/** A file or a folder's files; packages within a package have entries of their own in the lock file. */
function filesUnder(root: string, path: string, wanted: (name: string) => boolean): ReleaseFile[] {
  const source = join(root, path);
  const stat = lstatSync(source);
  if (stat.isFile()) return [{ path, source, isExecutable: (stat.mode & 0o100) !== 0 }];
  if (!stat.isDirectory() || needlessFolders.has(path)) return [];
  return readdirSync(source)
    .filter((name) => name !== "node_modules" && wanted(name))
    .flatMap((name) => filesUnder(root, `${path}/${name}`, wanted));
}

function isForThisPlatform(path: string): boolean {
  const { system, arch } = prebuilt.exec(path)?.groups ?? {};
  return system === undefined || (system.startsWith(process.platform) && arch === process.arch);
}

function notSetUp(root: string, needed: string): ConfigurationError {
  return new ConfigurationError(`there is no ${needed}: this installation is not set up`, {
    code: "NOT_SET_UP",
    subject: root,
    hint: "npm run setup",
  });
}

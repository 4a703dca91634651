import { join } from "node:path";

/**
 * Programs of a release, by its real path: what is started so stays with its release when another one becomes current. Through `current`
 * it would read the files of two.
 */
export interface ReleasePrograms {
  /** The release's own Node. */
  readonly node: string;
  readonly barkeep: readonly [string, string];
  readonly supervise: readonly [string, string];
}

/** @param directory barkeep's folder on the host */
export function releaseFolder(directory: string, name: string): string {
  return join(directory, "releases", name);
}

/** @param folder a release's own, not `current` */
export function releasePrograms(folder: string): ReleasePrograms {
  const node = join(folder, "node_modules", "node", "bin", "node");
  const bin = join(folder, "bin");
  return { node, barkeep: [node, join(bin, "barkeep.mjs")], supervise: [node, join(bin, "supervise.mjs")] };
}

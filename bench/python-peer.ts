import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runChild } from "./child.ts";
import { peersFolder } from "./folders.ts";

/** The release that is measured. */
export const peerVersion = "9.1.0";

/** A Python that has the peer, or why there is none. */
export type PeerPython = { readonly path: string } | { readonly problem: string };

/** Installs the peer into a virtual environment of its own, once. */
export async function rangebarPython(): Promise<PeerPython> {
  const folder = join(peersFolder, `rangebar-${peerVersion}`);
  const marker = join(folder, "installed");
  const path = join(folder, "bin", "python");
  if (existsSync(marker)) return { path };
  rmSync(folder, { recursive: true, force: true });
  try {
    await runChild("python3", ["-m", "venv", folder]);
  } catch (error) {
    return { problem: `python3 -m venv: ${messageOf(error)}` };
  }
  try {
    await runChild(path, [
      "-m",
      "pip",
      "install",
      "--quiet",
      "--disable-pip-version-check",
      `rangebar==${peerVersion}`,
      "polars",
    ]);
  } catch (error) {
    return { problem: `pip install rangebar==${peerVersion}: ${messageOf(error)}` };
  }
  writeFileSync(marker, "");
  return { path };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

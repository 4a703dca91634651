import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";

/** The project's folder. */
export const project = resolve(import.meta.dirname, "..");

/** Made-up archives and stores; git ignores it. */
export const dataFolder = join(import.meta.dirname, "data");

/** Where the Python peer is installed; git ignores it. */
export const peersFolder = join(import.meta.dirname, ".peers");

/** Gives `use` a new folder, which is gone afterwards. */
export async function withScratchFolder<T>(use: (path: string) => Promise<T>): Promise<T> {
  mkdirSync(dataFolder, { recursive: true });
  const path = mkdtempSync(join(dataFolder, "run-"));
  try {
    return await use(path);
  } finally {
    rmSync(path, { recursive: true, force: true });
  }
}

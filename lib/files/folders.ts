import { existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Makes a folder and what is missing above it, one by one: Node's recursive mkdir never returns where the file system
 * refuses new entries with ENOENT, as /proc does.
 * @throws the system's error, EACCES, EROFS, ENOTDIR, ENOENT …
 */
export function ensureFolder(path: string, mode = 0o777): void {
  if (existsSync(path)) return;
  const above = dirname(path);
  if (above !== path) ensureFolder(above, mode);
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    // Another process may have made it in between.
    if (!existsSync(path)) throw error;
  }
}

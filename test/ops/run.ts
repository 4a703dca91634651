import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";

export const projectRoot = join(import.meta.dirname, "..", "..");

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `barkeep <words>` through the launcher, as a user does, and never throws on its exit code. */
export async function barkeep(words: readonly string[], env: Record<string, string> = {}): Promise<Outcome> {
  const { exitCode, stdout, stderr, signal } = await execa(
    process.execPath,
    [join(projectRoot, "bin/barkeep.mjs"), ...words],
    { reject: false, cwd: projectRoot, env: { BARKEEP_STATE: "", BARKEEP_NOTIFY: "off", ...env }, maxBuffer: 1 << 30 },
  );
  return { code: exitCode ?? (signal === undefined ? -1 : 128), stdout, stderr };
}

/** A temporary folder that is removed when the test file's process ends. */
export function temporaryFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `barkeep-${name}-`));
  folders.push(folder);
  return folder;
}

const folders: string[] = [];
process.on("exit", () => {
  // A process that is just ending may still write there.
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
});

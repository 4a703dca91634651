import { chmodSync, cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { releaseFiles } from "../../lib/deploy/release-files.ts";
import { projectRoot, temporaryFolder } from "../ops/run.ts";

/**
 * A working tree of its own that releases are made of. Everything in it is real but the largest file: in the place of the Node program is a line that
 * leads to this machine's own.
 */
export class WorkingTree {
  readonly root = join(temporaryFolder("tree"), "barkeep");

  constructor() {
    const small = releaseFiles(projectRoot, false).filter(({ path }) => path !== "node_modules/node/bin/node");
    for (const { path, source } of small) {
      mkdirSync(dirname(join(this.root, path)), { recursive: true });
      cpSync(source, join(this.root, path));
    }
    cpSync(join(projectRoot, "package-lock.json"), join(this.root, "package-lock.json"));
    const node = join(this.root, "node_modules/node/bin/node");
    mkdirSync(dirname(node), { recursive: true });
    writeFileSync(node, `#!/bin/sh\nexec ${process.execPath} "$@"\n`);
    chmodSync(node, 0o755);
  }

  setVersion(version: string): void {
    this.edit("package.json", (text) => text.replace(/"version": "[^"]*"/, `"version": "${version}"`));
  }

  edit(path: string, change: (text: string) => string): void {
    const file = join(this.root, path);
    writeFileSync(file, change(readFileSync(file, "utf8")));
  }
}

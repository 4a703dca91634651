import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "../ops/run.ts";

/** What a kernel writes: percents of the last ten seconds and of the last minute. */
export interface FedPressure {
  readonly cpu?: number;
  /** `full` of memory. */
  readonly memoryFull?: number;
}

function line(kind: "some" | "full", percent: number): string {
  return `${kind} avg10=${percent.toFixed(2)} avg60=${percent.toFixed(2)} avg300=0.00 total=1`;
}

/**
 * Programs that come first on a rig host's path: `grep` shows a pressure and a memory that the test chose instead of this machine's, and
 * `pueue` can be made to answer something that nobody knows.
 */
export class FedHost {
  readonly bin = join(temporaryFolder("fed"), "bin");
  readonly #pressure = join(this.bin, "pressure");
  readonly #memory = join(this.bin, "memory");
  readonly #answer = join(this.bin, "answer");

  constructor() {
    mkdirSync(this.bin);
    this.feed({});
    // What others on this machine leave of its own is their affair.
    writeFileSync(this.#memory, "/proc/meminfo:MemTotal: 16000000 kB\n/proc/meminfo:MemAvailable: 12000000 kB\n");
    this.#program(
      "grep",
      `case "$*" in */proc/pressure/cpu*) cat '${this.#pressure}' '${this.#memory}'; exec /bin/grep -sH '' /proc/loadavg ;; esac
exec /bin/grep "$@"`,
    );
    this.#program(
      "pueue",
      `[ -e '${this.#answer}' ] && exec cat '${this.#answer}'
PATH=\${PATH#*:} exec pueue "$@"`,
    );
  }

  feed({ cpu = 0, memoryFull = 0 }: FedPressure): void {
    const files = { cpu: [cpu, 0], memory: [memoryFull / 10, memoryFull], io: [0, 0] } as const;
    const lines = Object.entries(files).flatMap(([name, [some, full]]) =>
      [line("some", some), line("full", full)].map((text) => `/proc/pressure/${name}:${text}`),
    );
    writeFileSync(this.#pressure, `${lines.join("\n")}\n`);
  }

  /** As a kernel that does not measure pressure. */
  feedNothing(): void {
    writeFileSync(this.#pressure, "");
  }

  /** What pueue says from now on, whatever it is asked; itself again without a text. */
  answer(text?: string): void {
    if (text === undefined) rmSync(this.#answer);
    else writeFileSync(this.#answer, text);
  }

  #program(name: string, script: string): void {
    writeFileSync(join(this.bin, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(this.bin, name), 0o755);
  }
}

import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { temporaryFolder } from "../ops/run.ts";

/** Node has no datagram sockets of this kind. */
const listener = `import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("bound", flush=True)
while True:
    print(s.recv(65536).decode().replace("\\n", " "), flush=True)
`;

function has(program: string): boolean {
  return spawnSync(program, ["--version"]).error === undefined;
}

const missing = ["python3", "systemd-notify"].find((program) => !has(program));

/** Why nobody can listen here as systemd does; false where somebody can. */
export const skipWithoutNotify: string | false = missing === undefined ? false : `${missing} is not installed`;

/** The socket that systemd gives a service with Type=notify, and what was sent to it. */
export class NotifySocket implements AsyncDisposable {
  readonly path: string;
  readonly messages: string[] = [];
  readonly #process: ChildProcess;
  readonly #waiting = new Set<() => void>();

  private constructor(path: string, process: ChildProcess) {
    this.path = path;
    this.#process = process;
  }

  static async open(): Promise<NotifySocket> {
    const path = join(temporaryFolder("notify"), "notify.sock");
    const process = spawn("python3", ["-c", listener, path], { stdio: ["ignore", "pipe", "inherit"] });
    const socket = new NotifySocket(path, process);
    const lines = createInterface({ input: process.stdout });
    await once(lines, "line");
    lines.on("line", (line) => {
      socket.messages.push(line);
      for (const look of socket.#waiting) look();
    });
    return socket;
  }

  /** Settles when `found` is true of what was sent. */
  async until(found: (messages: readonly string[]) => boolean): Promise<void> {
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (!found(this.messages)) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
  }

  count(message: string): number {
    return this.messages.filter((one) => one === message).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null) return;
    this.#process.kill("SIGKILL");
    await once(this.#process, "exit");
  }
}

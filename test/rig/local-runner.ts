import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import type { ExecOptions, ExecOutcome, Runner } from "../../lib/queue/runner.ts";

/** Runs programs on this machine, in the environment it was given and no other. */
export class LocalRunner implements Runner {
  readonly name = "rig";
  readonly env: Readonly<Record<string, string>>;
  /** One for each session that was opened. */
  readonly calls: (readonly string[])[] = [];

  constructor(env: Readonly<Record<string, string>>) {
    this.env = env;
  }

  readonly exec = async (argv: readonly string[], options: ExecOptions): Promise<ExecOutcome> => {
    this.calls.push(argv);
    const [program = "", ...args] = argv;
    const child = spawn(program, args, { cwd: options.cwd, env: this.env, stdio: ["pipe", "pipe", "pipe"] });
    child.stdin.on("error", () => {});
    child.stdin.end(options.input);
    const ended = new Promise<number | null>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", resolve);
    });
    const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
    return { code, stdout, stderr };
  };
}

import { UnavailableError } from "../model/errors.ts";

/** A host as far as a queue needs one: it runs a program with its arguments taken literally, on this machine or over SSH. */
export interface Runner {
  /** The host's, for texts and identities. */
  readonly name: string;
  readonly exec: (argv: readonly string[], options: ExecOptions) => Promise<ExecOutcome>;
}

export interface ExecOptions {
  /** Absolute. */
  readonly cwd: string;
  /** Written to the program's stdin, which is then closed. */
  readonly input: string;
}

export interface ExecOutcome {
  /** null when a signal ended the program. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * What a queued job inherits. Queues keep the whole environment of whoever adds a job (pueue in a file that others may read, and in every
 * answer), so nothing else of it may get there: a job reads its settings from a file of its own.
 */
export const inheritedNames: readonly string[] = [
  "HOME",
  "USER",
  "LOGNAME",
  "LANG",
  "XDG_RUNTIME_DIR",
  "DBUS_SESSION_BUS_ADDRESS",
  "PUEUE_CONFIG_PATH",
  "SLURM_CONF",
];

/** A shell over SSH is no login shell: the places where people install a queue's programs are not on its path. */
const path = 'PATH="$PATH:$HOME/.local/bin:$HOME/.cargo/bin"';

const scrubbed = [
  "exec env -i",
  path,
  ...inheritedNames.map((name) => `\${${name}:+${name}="$${name}"}`),
  "sh -s",
].join(" ");

/** The exit code of a shell that found no such program. */
export const shellNotFound = 127;

/**
 * Runs a script on a host in one session, in a scrubbed environment. The script goes over stdin: it has no bound on its length there, and is
 * not for everyone to see as an argument would be.
 * @throws UnavailableError QUEUE_CUT_SHORT when a signal ended it, and whatever the host throws when it is away
 */
export async function runScript(runner: Runner, script: string): Promise<ExecOutcome & { readonly code: number }> {
  // Within braces it is read to its end before its first command runs, so that no command can read the rest away.
  const input = `{\n${script}\n} </dev/null\n`;
  const { code, stdout, stderr } = await runner.exec(["sh", "-c", scrubbed], { cwd: "/", input });
  if (code !== null) return { code, stdout, stderr };
  throw new UnavailableError(`a command on ${runner.name} was cut short: ${stderr.trim() || "it said nothing"}`, {
    code: "QUEUE_CUT_SHORT",
    subject: runner.name,
  });
}

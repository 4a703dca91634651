/** Longest text of a command that Linux takes as one argument of a shell, less some room for the shell's own. */
const commandBytesMax = 120_000;

/** A word that a POSIX shell reads as exactly this text. */
export function quoteWord(word: string): string {
  if (word.includes("\0")) throw new TypeError("an argument holds a NUL, which no argument can");
  if (!word.isWellFormed()) throw new TypeError("an argument holds half a character");
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** What a wrapped command says first on stdout; `text` is the mark, a colon, then its pid or `cd`. */
export const folderIsMissing = "cd";

/**
 * The text for a login's POSIX shell that runs one program with exactly these arguments. Before it becomes that program, the
 * shell prints `<mark>:<pid>`, so that the program's processes can be ended later, or `<mark>:cd` where the folder is not there.
 * @throws TypeError on what no command line can hold: a caller's bug
 */
export function wrapCommand(
  argv: readonly string[],
  options: { readonly cwd: string; readonly env?: Readonly<Record<string, string>> },
  mark: string,
): string {
  checkCommand(argv, options.cwd);
  const variables = Object.entries(options.env ?? {}).map(([name, value]) => {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw new TypeError(`"${name}" is not the name of a variable`);
    return quoteWord(`${name}=${value}`);
  });
  const program = [...(variables.length > 0 ? ["env", ...variables] : []), ...argv.map(quoteWord)].join(" ");
  const text = [
    `cd -- ${quoteWord(options.cwd)} || { echo ${mark}:${folderIsMissing}; exit 1; }`,
    `echo ${mark}:$$`,
    `exec ${program}`,
  ].join("; ");
  if (Buffer.byteLength(text) > commandBytesMax) {
    throw new TypeError(`a command line of more than ${commandBytesMax} bytes: give it on stdin or in a file`);
  }
  return text;
}

/** @throws TypeError: such a command is a caller's bug */
export function checkCommand(argv: readonly string[], cwd: string): void {
  const [program = ""] = argv;
  // A shell's exec would read these as its own.
  if (program === "" || program.startsWith("-")) throw new TypeError(`"${program}" is not a program`);
  if (!cwd.startsWith("/")) throw new TypeError(`a command's folder must be absolute, not "${cwd}"`);
}

/** The text that ends a process group: SIGTERM, up to two seconds, SIGKILL. */
export function killText(pid: number): string {
  const send = (signal: string): string => `{ kill -s ${signal} -- -${pid} || kill -s ${signal} ${pid}; } 2>/dev/null`;
  const wait = `i=0; while kill -0 -- -${pid} 2>/dev/null && [ $i -lt 20 ]; do sleep 0.1; i=$((i+1)); done`;
  return `${send("TERM")} && { ${wait}; ${send("KILL")}; }; true`;
}

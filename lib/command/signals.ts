import { exitCodes } from "../model/exit-codes.ts";

/**
 * One Ctrl-C arrives more than once where a launcher (npx, tsx, barkeep) passes on what the terminal has already sent to the
 * whole process group; a person is slower than this.
 */
const sameSignalMs = 300;

/** Aborts at the first SIGINT or SIGTERM; ends the process at the second. */
export function watchSignals(): AbortSignal {
  const controller = new AbortController();
  let firstAt: number | undefined;
  const onSignal = (name: NodeJS.Signals): void => {
    const now = performance.now();
    if (firstAt === undefined) {
      firstAt = now;
      process.stderr.write("stopping after the current commit; once more stops at once\n");
      controller.abort(new DOMException(`interrupted by ${name}`, "AbortError"));
    } else if (now - firstAt > sameSignalMs) {
      process.exit(exitCodes.interrupted);
    }
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  return controller.signal;
}

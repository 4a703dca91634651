import type { IncomingMessage } from "node:http";
import { processStart } from "../embedded/process-identity.ts";

/** Commands that work through an owner name their process here: each lives on this machine, and may pause between requests. */
export const guestHeader = "x-barkeep-process";

/** Without such a name, a client uses the store while a request is open and this long after. */
const useLastsMs = 5_000;
/** The names of those that are gone are kept until there are so many. */
const knownMax = 256;

interface Guest {
  readonly pid: number | undefined;
  open: number;
  lastMs: number;
}

/** Who uses a served store besides the process that owns it. */
export class Guests {
  readonly #known = new Map<string, Guest>();

  /** A request has come in. @returns to be called when it has been answered */
  came(request: IncomingMessage): () => void {
    const named = Number(request.headers[guestHeader]);
    const pid = Number.isSafeInteger(named) && named > 0 ? named : undefined;
    const key = pid === undefined ? `agent ${request.headers["user-agent"] ?? ""}` : `process ${pid}`;
    const guest = this.#known.get(key) ?? { pid, open: 0, lastMs: 0 };
    if (this.#known.size >= knownMax) this.#forget();
    this.#known.set(key, guest);
    guest.open += 1;
    return () => {
      guest.open -= 1;
      guest.lastMs = performance.now();
    };
  }

  /** How many use the store now. */
  get count(): number {
    return [...this.#known.values()].filter(isHere).length;
  }

  #forget(): void {
    for (const [key, guest] of this.#known) if (!isHere(guest)) this.#known.delete(key);
  }
}

function isHere({ pid, open, lastMs }: Guest): boolean {
  if (pid === process.pid) return false;
  if (open > 0) return true;
  return pid === undefined ? performance.now() - lastMs < useLastsMs : processStart(pid) !== undefined;
}

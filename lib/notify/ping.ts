import { randomUUID } from "node:crypto";
import { outcomeOfThrow } from "./failures.ts";

const answerMs = 5_000;
const tries = 2;
/** healthchecks keeps so much of a body. */
const longestBody = 10_000;

/**
 * A dead-man's switch elsewhere, which tells people when nobody pings it any more: `URL/start` before a pass, `URL` after one that
 * looked at everything, whatever it found, `URL/fail` after one that could not; `URL/log` is noted there and changes nothing. One
 * run's pings have one id.
 */
export class Ping {
  readonly name = "ping";
  readonly #url: string;
  readonly #run: string;

  /** @param run a UUID, of whoever opens it more than once within one run */
  constructor(url: string, run: string = randomUUID()) {
    this.#url = url;
    this.#run = run;
  }

  /** Each returns why it did not arrive, or undefined; none throws, for no ping is worth a pass. */
  async start(): Promise<string | undefined> {
    return this.#ping("/start", "");
  }

  async success(text: string): Promise<string | undefined> {
    return this.#ping("", text);
  }

  async fail(text: string): Promise<string | undefined> {
    return this.#ping("/fail", text);
  }

  /** Asks whether pings arrive; it counts for none. */
  async test(text: string): Promise<string | undefined> {
    return this.#ping("/log", text);
  }

  async #ping(path: string, body: string): Promise<string | undefined> {
    let problem: string | undefined;
    for (let left = tries; left > 0; left -= 1) {
      problem = await this.#once(path, body);
      if (problem === undefined) break;
    }
    return problem;
  }

  async #once(path: string, body: string): Promise<string | undefined> {
    try {
      const url = new URL(this.#url);
      url.pathname = `${url.pathname.replace(/\/+$/, "")}${path}`;
      url.searchParams.set("rid", this.#run);
      const response = await fetch(url, {
        method: "POST",
        body: body.slice(0, longestBody),
        signal: AbortSignal.timeout(answerMs),
      });
      await response.arrayBuffer();
      return response.ok ? undefined : `the dead-man's switch answers ${response.status}`;
    } catch (error) {
      const outcome = outcomeOfThrow(error, [this.#url]);
      return outcome.result === "sent" ? undefined : `the dead-man's switch: ${outcome.reason}`;
    }
  }
}

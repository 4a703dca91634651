import type { Message, Outcome } from "../ledger/index.ts";
import { repeatNote, type Channel } from "./channel.ts";

export const consoleName = "console";

/** Prints each message: for a service's log. */
export class ConsoleChannel implements Channel {
  readonly name = consoleName;
  readonly #print: (line: string) => void;

  constructor(print: (line: string) => void) {
    this.#print = print;
  }

  takes(): boolean {
    return true;
  }

  async send({ text }: Message, mayRepeat: boolean): Promise<Outcome> {
    this.#print(mayRepeat ? `${repeatNote}\n${text}` : text);
    return Promise.resolve({ result: "sent" });
  }
}

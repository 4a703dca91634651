import http from "node:http";
import { at } from "./points.ts";
import { statementName } from "./statement.ts";
import { wrap } from "./wrap.ts";

/**
 * Makes points of statements that go to a store over HTTP: before the first byte, behind the last one (the answer is still to
 * come), and behind the answer's head.
 */
export function instrumentHttp(): void {
  wrap(http, "request", (call, args) => {
    const request = call(args);
    if (!(request instanceof http.ClientRequest)) return request;
    let what = statementName(new URL(request.path, "http://store").searchParams.get("query") ?? "");
    let isBegun = false;
    for (const name of ["write", "end"]) {
      wrap(request, name, (pass, given) => {
        const [chunk] = given;
        if (!isBegun && chunk !== undefined && typeof chunk !== "function") {
          isBegun = true;
          what ??= statementName(textOf(chunk));
          if (what !== undefined) at(`before send ${what}`);
        }
        return pass(given);
      });
    }
    request.once("finish", () => {
      if (what !== undefined) at(`after send ${what}`);
    });
    request.once("response", () => {
      if (what !== undefined) at(`after answer ${what}`);
    });
    return request;
  });
}

function textOf(chunk: unknown): string {
  return chunk instanceof Uint8Array ? Buffer.from(chunk).toString("latin1") : String(chunk);
}

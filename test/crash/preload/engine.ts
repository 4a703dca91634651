import { createRequire } from "node:module";
import { at, between } from "./points.ts";
import { statementName } from "./statement.ts";
import { wrap } from "./wrap.ts";

/** Where each call of the engine's addon has its SQL. */
const statements = {
  QueryWithConnection: 1,
  QueryWithParamsConnection: 1,
  QueryAsyncConnection: 1,
  InsertRawAsyncConnection: 1,
};

/**
 * Makes points of the statements that reach the embedded engine and change something, and of its start. A statement runs on
 * another thread: with this one spinning, the process dies while the engine is in the middle of it.
 */
export function instrumentEngine(): void {
  const addon: unknown = createRequire(createRequire(import.meta.url).resolve("chdb"))("./dist/loader.js");
  const load: unknown = typeof addon === "object" && addon !== null ? Reflect.get(addon, "loadNative") : undefined;
  const native: unknown = typeof load === "function" ? Reflect.apply(load, undefined, []) : undefined;
  if (typeof native !== "object" || native === null) throw new Error("the engine's addon was not found");
  for (const [name, position] of Object.entries(statements)) {
    wrap(native, name, (call, args) => {
      const what = statementName(String(args[position]));
      return what === undefined ? call(args) : between(what, () => call(args), "spin");
    });
  }
  let isOpen = false;
  wrap(native, "CreateConnection", (call, args) => {
    if (isOpen) return call(args);
    isOpen = true;
    at("before open engine");
    const connection = call(args);
    at("after open engine");
    return connection;
  });
}

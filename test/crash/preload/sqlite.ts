import Database from "better-sqlite3";
import { between } from "./points.ts";
import { statementName } from "./statement.ts";
import { wrap, wrapMethod } from "./wrap.ts";

/** Makes points of what changes a SQLite file: each statement, and each transaction's commit. */
export function instrumentSqlite(): void {
  const prototype: unknown = Database.prototype;
  if (typeof prototype !== "object" || prototype === null) throw new Error("better-sqlite3 has no prototype");
  wrap(prototype, "exec", (call, args) => {
    const what = statementName(String(args[0]));
    return what === undefined ? call(args) : between(`sqlite ${what}`, () => call(args));
  });
  let isWrapped = false;
  wrap(prototype, "prepare", (call, args) => {
    const statement = call(args);
    if (!isWrapped && typeof statement === "object" && statement !== null) {
      isWrapped = true;
      const ofStatements: unknown = Object.getPrototypeOf(statement);
      if (typeof ofStatements === "object" && ofStatements !== null) instrumentStatements(ofStatements);
    }
    return statement;
  });
}

/** Statements of transactions too: better-sqlite3 runs BEGIN and COMMIT as prepared statements of its own. */
function instrumentStatements(prototype: object): void {
  wrapMethod(prototype, "run", (self, call, args) => {
    const what = statementName(String(Reflect.get(self, "source")));
    return what === undefined ? call(args) : between(`sqlite ${what}`, () => call(args));
  });
}

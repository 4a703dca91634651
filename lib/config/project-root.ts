import { resolve } from "node:path";

/** The folder of this installation: the one that holds package.json, symbols.toml and ops/. */
export const projectRoot = resolve(import.meta.dirname, "../..");

import * as nodeModule from "node:module";
import { join } from "node:path";
import { root } from "./verbs.mjs";

/** Node keeps here what it compiled, and TypeScript with its types taken out; a folder it may not write costs only time. */
export const compileCache = join(root, "node_modules", ".cache", "barkeep");

/** For this process and those that it starts; call it before the program is imported. */
export function useCompileCache() {
  process.env.NODE_COMPILE_CACHE ??= compileCache;
  nodeModule.enableCompileCache(process.env.NODE_COMPILE_CACHE);
}

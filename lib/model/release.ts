import { createRequire } from "node:module";

/** The version in package.json; recorded with what is built, never compared. */
export const release: string = readVersion(createRequire(import.meta.url)("../../package.json"));

function readVersion(manifest: unknown): string {
  if (
    typeof manifest === "object" &&
    manifest !== null &&
    "version" in manifest &&
    typeof manifest.version === "string"
  ) {
    return manifest.version;
  }
  throw new TypeError("package.json has no version");
}

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { migrations } from "../../lib/store/schema/migrations.ts";
import { viewStatements } from "../../lib/store/schema/views.ts";

function hashOf(statements: readonly string[]): string {
  const plain = statements.map((statement) => statement.replaceAll(/\s+/g, " ").trim());
  return createHash("sha256").update(plain.join("\n")).digest("hex").slice(0, 16);
}

/**
 * A store that exists takes up new views only with a new migration, and never sees an edited one. So a change here means:
 * leave the old migrations as they are, add one (it may hold no statements, for views alone), and pin what it came to.
 */
test("tables and views change only together with a new migration", () => {
  assert.deepEqual(
    migrations.map(({ version, statements }) => [version, hashOf(statements)]),
    [
      [1, "ed293db97f05d473"],
      [2, "7782a95cf5b80303"],
      [3, "e28770370bd9dc53"],
    ],
  );
  assert.deepEqual(
    [Math.max(...migrations.map(({ version }) => version)), hashOf(viewStatements())],
    [3, "ba9eab0878d30b58"],
  );
});

import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { z } from "zod";
import { jsonDocument } from "../../lib/command/index.ts";
import { explainError, reportFailure } from "../../lib/command/failure-report.ts";
import {
  ConfigurationError,
  NotYetAvailableError,
  RefusedError,
  RetryableError,
  UnavailableError,
  UpstreamDataError,
  type FailureDetails,
} from "../../lib/model/errors.ts";
import { exitCodes } from "../../lib/model/exit-codes.ts";
import { commandOf, ran } from "./run.ts";

const failureShape = z.object({
  version: z.literal(1),
  error: z.object({
    code: z.string(),
    message: z.string(),
    subject: z.string().optional(),
    hint: z.string().optional(),
  }),
});

test("64-bit integers come out of JSON with every digit, at any depth", () => {
  const wide = fc.bigInt({ min: -(2n ** 127n), max: 2n ** 127n - 1n });
  fc.assert(
    fc.property(wide, wide, (a, b) => {
      const text = jsonDocument({ a, list: [{ b }] });
      const read = z
        .object({ version: z.literal(1), a: z.string(), list: z.tuple([z.object({ b: z.string() })]) })
        .parse(JSON.parse(text));
      assert.equal(BigInt(read.a), a);
      assert.equal(BigInt(read.list[0].b), b);
      assert.ok(text.startsWith('{\n  "version": 1,'), "the version stands first");
    }),
    {
      examples: [
        [2n ** 63n - 1n, -(2n ** 63n)],
        [9_007_199_254_740_993n, 0n],
      ],
    },
  );
});

const classes = [
  [ConfigurationError, exitCodes.usage],
  [RefusedError, exitCodes.refused],
  [UpstreamDataError, exitCodes.findings],
  [NotYetAvailableError, exitCodes.findings],
  [RetryableError, exitCodes.unavailable],
  [UnavailableError, exitCodes.unavailable],
] as const;
const details = { code: "SOME_CODE", subject: "the/file:3", hint: "do this instead" } satisfies FailureDetails;

for (const [Kind, code] of classes) {
  test(`${Kind.name}: what, where, what to do and the code on stderr, the same as a document; exit ${code}`, async () => {
    const command = commandOf(() => {
      throw new Kind("it went wrong", details);
    });
    const plain = await ran(command, []);
    assert.equal(plain.code, code);
    assert.equal(
      plain.stderr,
      "barkeep: it went wrong\n  about: the/file:3\n  what to do: do this instead\n  (SOME_CODE)\n",
    );
    assert.equal(plain.stdout, "");
    for (const [argv, env] of [
      [["--json"], {}],
      [["--json=true"], {}],
      [[], { BARKEEP_JSON: "1" }],
    ] as const) {
      const asked = await ran(command, argv, env);
      assert.equal(asked.code, code);
      assert.equal(asked.stderr, plain.stderr, "people still read it on stderr");
      assert.deepEqual(failureShape.parse(JSON.parse(asked.stdout)).error, {
        code: "SOME_CODE",
        message: "it went wrong",
        subject: "the/file:3",
        hint: "do this instead",
      });
    }
  });
}

test("a subject that stands in the message is not said again", () => {
  const { text } = reportFailure(new RefusedError("BTCUSDT@25 is too fine", { code: "X", subject: "BTCUSDT@25" }));
  assert.equal(text, "barkeep: BTCUSDT@25 is too fine\n  (X)");
});

test("any other error is a bug: exit 70, its stack and causes, and where to tell", async () => {
  const error = new TypeError("x is not a function", { cause: new Error("the first cause") });
  const { code, stdout, stderr } = await ran(
    commandOf(() => {
      throw error;
    }),
    ["--json"],
  );
  assert.equal(code, exitCodes.bug);
  assert.match(stderr, /^barkeep: internal error: TypeError: x is not a function\n {4}at /);
  assert.match(stderr, /caused by: Error: the first cause/);
  assert.match(stderr, /what to do: this is a bug in barkeep/);
  assert.equal(failureShape.parse(JSON.parse(stdout)).error.code, "INTERNAL_ERROR");
});

test("what is thrown and is no error is told all the same", () => {
  for (const thrown of ["a text", undefined, null, 3]) {
    assert.ok(reportFailure(thrown).text.includes(`internal error: ${String(thrown)}`));
  }
});

function systemError(code: string, path: string | undefined): Error {
  return Object.assign(new Error(`${code}: it was refused`), { code, ...(path === undefined ? {} : { path }) });
}

test("a full disk and a missing permission are told as such, with the path and a way out", async () => {
  for (const [code, exit, known] of [
    ["ENOSPC", exitCodes.unavailable, "DISK_FULL"],
    ["EDQUOT", exitCodes.unavailable, "DISK_FULL"],
    ["EACCES", exitCodes.usage, "NO_PERMISSION"],
    ["EPERM", exitCodes.usage, "NO_PERMISSION"],
    ["EROFS", exitCodes.usage, "NO_PERMISSION"],
  ] as const) {
    const outcome = await ran(
      commandOf(() => {
        throw systemError(code, "/full/disk");
      }),
      [],
    );
    assert.equal(outcome.code, exit, outcome.stderr);
    assert.match(outcome.stderr, /about: \/full\/disk\n {2}what to do: .*--state/);
    assert.ok(outcome.stderr.includes(`(${known})`));
  }
});

test("a system error without a path, or an unknown one, stays what it was", () => {
  for (const error of [
    systemError("EACCES", undefined),
    systemError("ECONNRESET", "/x"),
    new RangeError("x"),
    "text",
  ]) {
    assert.equal(explainError(error), error);
  }
  const ours = new RefusedError("no", { code: "X" });
  assert.equal(explainError(ours), ours);
});

test("an interruption that cuts the work short is exit 130, without a report of failure", async () => {
  const controller = new AbortController();
  const waits = commandOf(async (_args, { signal }) => {
    controller.abort(new DOMException("interrupted by SIGINT", "AbortError"));
    signal.throwIfAborted();
    return exitCodes.ok;
  });
  const { code, stdout, stderr } = await ran(waits, ["--json"], {}, controller.signal);
  assert.deepEqual({ code, stdout, stderr }, { code: exitCodes.interrupted, stdout: "", stderr: "" });
});

test("a failure after the interruption is still reported as the failure it is", async () => {
  const controller = new AbortController();
  const fails = commandOf(() => {
    controller.abort();
    throw new UpstreamDataError("bad day", { code: "BAD_ROW" });
  });
  const { code, stderr } = await ran(fails, [], {}, controller.signal);
  assert.equal(code, exitCodes.findings);
  assert.match(stderr, /bad day/);
});

test("what a handler prints goes to stdout, what it logs to stderr, and its exit code is the command's", async () => {
  const speaks = commandOf((_args, { print, log, printJson }) => {
    log("for people");
    print("the answer");
    printJson({ id: 2n ** 63n });
    return exitCodes.findings;
  });
  const { code, stdout, stderr } = await ran(speaks, []);
  assert.equal(code, exitCodes.findings);
  assert.equal(stderr, "for people\n");
  assert.equal(stdout, 'the answer\n{\n  "version": 1,\n  "id": "9223372036854775808"\n}\n');
});

test("a bad setting is told before the handler runs", async () => {
  let ranAtAll = false;
  const command = commandOf(() => {
    ranAtAll = true;
    return exitCodes.ok;
  });
  const { code, stderr } = await ran(command, [], { RANGEBAR_OUROBOROS_MODE: "day" });
  assert.equal(code, exitCodes.usage);
  assert.match(stderr, /one of year, month, week/);
  assert.equal(ranAtAll, false);
});

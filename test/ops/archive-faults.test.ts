import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { closeSync, existsSync, mkdirSync, openSync, writeSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { test } from "node:test";
import { execa, execaSync } from "execa";
import { z } from "zod";
import { explainError } from "../../lib/command/failure-report.ts";
import { addDays, parseDay } from "../../lib/model/day.ts";
import { Failure } from "../../lib/model/errors.ts";
import { ArchiveServer } from "../rig/archive-server.ts";
import { ArchiveFolder } from "../rig/make-archive.ts";
import { minimalRegistryFile } from "../rig/registry.ts";
import { barkeep, projectRoot, temporaryFolder } from "./run.ts";

const day = parseDay("2024-03-05");
const symbols = ["--symbols", minimalRegistryFile()];

function populateWords(archive: string, state: string): string[] {
  const days = ["--start-date", day, "--end-date", addDays(day, 1)];
  const series = ["--symbol", "BTCUSDT", "--threshold", "50"];
  return ["populate", ...series, ...days, "--archive", archive, "--state", state, ...symbols];
}

test("an archive folder that does not exist: exit 2, could not determine; not nothing published", async () => {
  const nowhere = join(temporaryFolder("no-archive"), "nowhere");
  const { code, stderr } = await barkeep(populateWords(nowhere, temporaryFolder("no-archive-state")));
  assert.equal(code, 2, stderr);
  assert.match(stderr, /about: .*nowhere\n {2}what to do: .*--archive.*\(ARCHIVE_ABSENT\)/s);
});

/** A small file system of its own needs a mount, and that a user namespace. */
const canMount =
  process.platform === "linux" && execaSync("unshare", ["-rm", "true"], { reject: false }).exitCode === 0;
const skip = canMount ? false : "this system lets no user mount a small file system";

test("a full disk of the mirror: exit 2 that names it, nothing half-received stays", { skip }, async () => {
  const archive = new ArchiveFolder(temporaryFolder("mirror-full-archive"));
  archive.putWalk(day, 1, 300);
  archive.putZip(addDays(day, 1), randomBytes(3_000_000));
  await using server = new ArchiveServer(archive.root);
  const state = temporaryFolder("mirror-full");
  const mirror = join(state, "mirror");
  mkdirSync(mirror);
  const script = 'mount -t tmpfs -o size=1m tmpfs "$1"; "${@:2}"; echo "exit $?"; find "$1" -name "*.part"';
  const launcher = join(projectRoot, "bin", "barkeep.mjs");
  const words = ["-rm", "bash", "-c", script, "bash", mirror, process.execPath, launcher];
  const { stdout, stderr } = await execa("unshare", [...words, ...populateWords(await server.start(), state)]);
  assert.match(stdout, /exit 2\n?$/, stderr);
  assert.match(
    stderr,
    /the disk of the mirror is full\n {2}about: .*mirror\n {2}what to do: .*mirror gc.*\(DISK_FULL\)/s,
  );
});

test(
  "a full disk is told as such also by a file that is open, whose error names no path",
  { skip: !existsSync("/dev/full") },
  () => {
    const file = openSync("/dev/full", "w");
    try {
      assert.throws(
        () => writeSync(file, "text"),
        (error) => {
          const explained = explainError(error);
          return explained instanceof Failure && explained.code === "DISK_FULL" && explained.subject === undefined;
        },
      );
    } finally {
      closeSync(file);
    }
  },
);

async function archiveCheck(location: string, env: Record<string, string> = {}): Promise<string> {
  const state = join(temporaryFolder("archive-check"), "state");
  const { stdout } = await barkeep(["doctor", "--json", "--state", state, "--archive", location], env);
  const document = z.object({ checks: z.array(z.object({ name: z.string(), state: z.string(), detail: z.string() })) });
  const check = document.parse(JSON.parse(stdout)).checks.find((one) => one.name === "archive");
  return `${check?.state}: ${check?.detail}`;
}

test("doctor asks for the archive as populate does: through the proxy, if one is set", async () => {
  const seen: string[] = [];
  const proxy = createServer((request, response) => {
    seen.push(String(request.url));
    response.writeHead(403).end();
  });
  // What goes through the tunnel is answered here too.
  proxy.on("connect", (_request, socket: Duplex) => {
    socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
    proxy.emit("connection", socket);
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  try {
    const address = proxy.address();
    assert.ok(typeof address === "object" && address !== null);
    const through = { http_proxy: `http://127.0.0.1:${address.port}`, no_proxy: "" };
    const said = await archiveCheck("http://archive.invalid/", through);
    assert.equal(said, "ok: http://archive.invalid answers");
    assert.equal(seen.length, 1);
  } finally {
    proxy.closeAllConnections();
    proxy.close();
  }
});

test("doctor: 404 is an answer; a server that fails is asked once and unknown", async () => {
  await using server = new ArchiveServer(temporaryFolder("archive-check-empty"));
  const base = await server.start();
  assert.match(await archiveCheck(base), /^ok: /);
  const before = server.requests.length;
  server.headStatus = 503;
  assert.match(await archiveCheck(base), /^unknown: .*HTTP 503/);
  assert.equal(server.requests.length, before + 1);
});

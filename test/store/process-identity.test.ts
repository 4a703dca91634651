import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { afterEach, test } from "node:test";
import { startByPs, startByPsCommand } from "../../lib/store/embedded/process-identity.ts";

const before = { TZ: process.env["TZ"], LC_ALL: process.env["LC_ALL"] };

afterEach(() => {
  for (const [name, value] of Object.entries(before)) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
});

test("a process's start by ps is the same text for whoever asks, wherever the machine is taken to be", () => {
  const seen = ["UTC", "Asia/Tokyo", "America/Los_Angeles"].flatMap((zone) => {
    process.env["TZ"] = zone;
    process.env["LC_ALL"] = zone === "UTC" ? "C" : "de_DE.UTF-8";
    return [
      startByPs(process.pid),
      execFileSync("sh", ["-c", `${startByPsCommand} ${process.pid}`], { encoding: "utf8" }).trim(),
    ];
  });
  assert.equal(new Set(seen).size, 1, seen.join("\n"));
  const startedMs = Date.parse(`${seen[0] ?? ""} UTC`);
  assert.ok(Math.abs(Date.now() - process.uptime() * 1000 - startedMs) < 60_000, seen[0]);
});

test("of a process that is gone ps says nothing", () => {
  assert.equal(startByPs(2 ** 22 + 1), undefined);
});

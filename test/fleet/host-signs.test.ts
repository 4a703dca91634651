import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { readHostSigns } from "../../lib/fleet/scale/host-signs.ts";
import { jobFolder } from "../../lib/queue/job-files.ts";
import { temporaryFolder } from "../ops/run.ts";
import { LocalRunner } from "../rig/local-runner.ts";
import { FedHost } from "../rig/pressure.ts";

const { PATH: path = "" } = process.env;

test("pressure, memory, load, cores and the peaks of jobs that run, in one session", async () => {
  const state = temporaryFolder("signs");
  const [running, gone] = ["AAAUSDT@250:2024#1~0f", "BBBUSDT@250:2024#1~0f"] as const;
  for (const [label, pid] of [
    [running, process.pid],
    [gone, 4_194_303],
  ] as const) {
    mkdirSync(jobFolder(state, label), { recursive: true });
    writeFileSync(join(jobFolder(state, label), "pid.json"), `{"version":1,"pid":1,"workerPid":${pid}}\n`);
  }
  const fed = new FedHost();
  fed.feed({ cpu: 12.5, memoryFull: 20 });
  const runner = new LocalRunner({ PATH: `${fed.bin}:${path}` });
  const signs = await readHostSigns(runner, state, [running, gone, "CCCUSDT@250:2024#1~0f"]);
  assert.equal(runner.calls.length, 1);
  assert.ok(typeof signs.pressure === "object");
  assert.equal(signs.pressure.cpu.some.avg10, 12.5);
  assert.equal(signs.pressure.memory.full?.avg60, 20);
  assert.ok((signs.memory?.totalBytes ?? 0) > 1e8);
  assert.ok((signs.cores ?? 0) >= 1 && (signs.load?.one ?? -1) >= 0);
  assert.deepEqual([...signs.peaks.keys()], [running]);
  assert.ok((signs.peaks.get(running) ?? 0) > 10e6, "this process holds more than 10 MB");
});

test("a kernel that does not measure pressure is not one whose pressure cannot be read", async () => {
  const bin = temporaryFolder("grep");
  const runner = new LocalRunner({ PATH: `${bin}:${path}` });
  const show = (files: string): void =>
    writeFileSync(join(bin, "grep"), `#!/bin/sh\nexec /bin/grep -sH '' ${files}\n`, { mode: 0o755 });
  show("/proc/meminfo /proc/loadavg");
  assert.equal((await readHostSigns(runner, "/nowhere", [])).pressure, "none");
  show("/proc/meminfo /proc/loadavg /proc/pressure/cpu /dev/null");
  assert.equal((await readHostSigns(runner, "/nowhere", [])).pressure, undefined);
});

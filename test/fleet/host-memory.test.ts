import assert from "node:assert/strict";
import {
  existsSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  utimesSync,
  mkdirSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { openFleetHost, type OpenFleetHost } from "../../lib/fleet/fleet-host.ts";
import { changeHostMemory, readHostMemory, type Hold } from "../../lib/fleet/host-memory.ts";
import { viewHost } from "../../lib/fleet/host-view.ts";
import type { ExecOptions, ExecResult } from "../../lib/hosts/host.ts";
import { LocalHost } from "../../lib/hosts/local-host.ts";
import { temporaryFolder } from "../ops/run.ts";

function here(name = "here", directory = join(temporaryFolder("host-memory"), "barkeep")): OpenFleetHost {
  const entry = {
    name,
    sshAlias: undefined,
    directory,
    queue: "local",
    memoryMb: 1000,
    jobsMax: 1,
    storeUrl: undefined,
    thresholds: undefined,
    services: [],
  } as const;
  return openFleetHost(entry, undefined);
}

const holdOf = (group: string): Hold => ({
  group,
  why: "memory",
  reason: "it's a test",
  since: "2024-01-01T00:00:00.000Z",
});

test("what several remember of a host at the same time is all there, in one file of this account alone", async () => {
  await using host = here();
  const { directory } = host.entry;
  assert.deepEqual(await readHostMemory(host), { word: undefined, holds: [], stopped: [] });
  await changeHostMemory(host, (memory) => ({ ...memory }));
  assert.equal(existsSync(directory), false, "nothing to remember makes no file");
  const groups = Array.from({ length: 8 }, (_, i) => `g${i}`);
  await Promise.all(
    groups.map(async (group) =>
      changeHostMemory(host, (memory) => ({ ...memory, holds: [...memory.holds, holdOf(group)] })),
    ),
  );
  const { holds } = await readHostMemory(host);
  assert.deepEqual(holds.map(({ group }) => group).sort(), groups);
  assert.deepEqual(readdirSync(directory), ["host-memory.here.json"], "nothing is left lying about");
  assert.equal(statSync(join(directory, "host-memory.here.json")).mode & 0o777, 0o600);
});

test("two hosts of the fleet that have the same directory remember each its own", async () => {
  await using host = here();
  await using other = here("other", host.entry.directory);
  await changeHostMemory(host, (memory) => ({ ...memory, holds: [holdOf("p1")] }));
  await changeHostMemory(other, (memory) => ({ ...memory, holds: [...memory.holds, holdOf("p2")] }));
  assert.deepEqual((await readHostMemory(host)).holds, [holdOf("p1")]);
  assert.deepEqual((await readHostMemory(other)).holds, [holdOf("p2")]);
});

/** A host over SSH as far as its memory is concerned: a session for files is not opened. */
class FarHost extends LocalHost {
  /** Called before each command. */
  before: () => Promise<void> = async () => {};

  override async exec(argv: readonly string[], options: ExecOptions): Promise<ExecResult> {
    await this.before();
    return super.exec(argv, options);
  }

  override async readFile(): Promise<never> {
    return assert.fail("one command is enough");
  }
}

test("over SSH a view reads what is remembered by one command, while the queue is asked", async () => {
  await using near = here("far");
  const host = new FarHost("far");
  const far: OpenFleetHost = { ...near, entry: { ...near.entry, sshAlias: "far" }, host };
  assert.deepEqual((await readHostMemory(far)).holds, []);
  await changeHostMemory(far, (memory) => ({ ...memory, holds: [holdOf("p2")] }));
  assert.deepEqual((await readHostMemory(far)).holds, [holdOf("p2")]);

  const polled = Promise.withResolvers<void>();
  host.before = async () => polled.promise;
  const { queue } = near;
  await queue.handshake();
  const poll = queue.poll.bind(queue);
  queue.poll = async () => {
    polled.resolve();
    return poll();
  };
  assert.deepEqual((await viewHost(far)).jobs, []);

  const path = join(near.entry.directory, "host-memory.far.json");
  rmSync(path);
  mkdirSync(path);
  await assert.rejects(readHostMemory(far), { code: "HOST_MEMORY", message: /host-memory\.far\.json.*directory/ });
});

test("who was killed while it wrote holds nobody up for good", async () => {
  await using host = here();
  const lock = join(host.entry.directory, "host-memory.here.json.lock");
  mkdirSync(lock, { recursive: true });
  const longAgo = new Date(Date.now() - 10 * 60_000);
  utimesSync(lock, longAgo, longAgo);
  const said = { isDrained: true, since: holdOf("").since };
  const { word } = await changeHostMemory(host, (memory) => ({ ...memory, word: said }));
  assert.deepEqual((await readHostMemory(host)).word, word);
  assert.equal(existsSync(lock), false);
});

test("a lock of a time to come is broken by who has seen it unchanged, and not while its holders change", async () => {
  await using host = here();
  const lock = join(host.entry.directory, "host-memory.here.json.lock");
  mkdirSync(join(lock, "0123456789ab"), { recursive: true });
  const ahead = new Date(Date.now() + 24 * 3_600_000);
  utimesSync(lock, ahead, ahead);
  const startMs = performance.now();
  await changeHostMemory(host, (memory) => ({ ...memory, holds: [holdOf("p2")] }));
  assert.ok(performance.now() - startMs > 5_000, "its holder had time to come to its end");
  assert.deepEqual((await readHostMemory(host)).holds, [holdOf("p2")]);
  assert.deepEqual(readdirSync(host.entry.directory), ["host-memory.here.json"]);

  // Each holder is another one, and the right passes on.
  let holder = 0;
  mkdirSync(join(lock, String(holder)), { recursive: true });
  utimesSync(lock, ahead, ahead);
  const changing = setInterval(() => {
    mkdirSync(join(lock, String(holder + 1)));
    rmdirSync(join(lock, String(holder)));
    utimesSync(lock, ahead, ahead);
    holder += 1;
  }, 500);
  const written = changeHostMemory(host, (memory) => ({ ...memory, holds: [] })).catch((error: unknown) => error);
  await delay(12_000);
  clearInterval(changing);
  assert.deepEqual((await readHostMemory(host)).holds, [holdOf("p2")], "it was not broken");
  rmSync(lock, { recursive: true });
  await written;
  assert.deepEqual((await readHostMemory(host)).holds, []);
});

const askedToChange = async (host: OpenFleetHost): Promise<unknown> => changeHostMemory(host, (memory) => memory);

test("a file that is damaged, or another release's, is an error that says what to do; it is never nothing, and stays as it is", async () => {
  await using host = here();
  await changeHostMemory(host, (memory) => ({ ...memory, holds: [holdOf("p2")] }));
  const path = join(host.entry.directory, "host-memory.here.json");
  for (const text of ["", "{", '{"version":2}', '{"version":1,"holds":[],"stopped":[],"more":1}']) {
    writeFileSync(path, text);
    for (const ask of [readHostMemory, askedToChange]) {
      await assert.rejects(ask(host), {
        code: "HOST_MEMORY",
        subject: "here",
        message: /host-memory\.here\.json/,
        hint: /release/,
      });
    }
    assert.equal(readFileSync(path, "utf8"), text);
  }
});

import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { workGroups, type WorkGroup } from "../../lib/model/groups.ts";
import { admit, patienceMs } from "../../lib/plan/admission.ts";
import type { AdmissionHost, Candidate, Placed } from "../../lib/plan/host-pool.ts";

const gigabyte = 1e9;
const nowMs = 1_000_000_000;

function host(changes: Partial<AdmissionHost> = {}): AdmissionHost {
  return {
    host: "big",
    memoryBytes: 61 * gigabyte,
    reserveBytes: 6 * gigabyte,
    jobsMax: 100,
    thresholds: undefined,
    groups: new Map(workGroups.map((group) => [group, 100])),
    placed: [],
    ...changes,
  };
}

function candidate(job: string, requestGigabytes: number, minutes = 10, changes: Partial<Candidate> = {}): Candidate {
  return {
    job,
    group: "p1",
    thresholds: [1000],
    requestBytes: requestGigabytes * gigabyte,
    durationMs: minutes * 60_000,
    waitingSinceMs: nowMs,
    ...changes,
  };
}

function placed(job: string, requestGigabytes: number, endsInMinutes: number | undefined): Placed {
  const endsAtMs = endsInMinutes === undefined ? undefined : nowMs + endsInMinutes * 60_000;
  return { job, group: "p1", requestBytes: requestGigabytes * gigabyte, endsAtMs };
}

const admittedTo = (candidates: readonly Candidate[], ...hosts: AdmissionHost[]): string[] =>
  admit(candidates, hosts, nowMs).admitted.map(({ job, host: name }) => (hosts.length > 1 ? `${job} on ${name}` : job));

test("the longest first, as many as the budget holds; the ledger counts them at once", () => {
  const jobs = [candidate("short", 20, 1), candidate("long", 20, 60), candidate("middle", 20, 30)];
  const admission = admit(jobs, [host()], nowMs);
  assert.deepEqual(
    admission.admitted.map(({ job }) => job),
    ["long", "middle"],
  );
  assert.deepEqual(admission.ledgers.get("big"), {
    budgetBytes: 55 * gigabyte,
    reservedBytes: 40 * gigabyte,
    freeBytes: 15 * gigabyte,
  });
  assert.equal(admission.waiting[0]?.reason, "big: asks for 20.0 GB, 15.0 GB are free");
});

test("S-19: 104 GB of requests on 61 GB: what exceeds the budget waits, and the reason says by how much", () => {
  const jobs = [
    ...Array.from({ length: 8 }, (_, i) => candidate(`p1-${i}`, 2, 10, { group: "p1" })),
    ...Array.from({ length: 6 }, (_, i) => candidate(`p2-${i}`, 8, 30, { group: "p2" })),
    ...Array.from({ length: 10 }, (_, i) => candidate(`p3-${i}`, 4, 20, { group: "p3" })),
  ];
  const { admitted, waiting, ledgers } = admit(jobs, [host()], nowMs);
  assert.equal(
    admitted.reduce((sum, { requestBytes }) => sum + requestBytes, 0),
    ledgers.get("big")?.reservedBytes,
  );
  assert.ok((ledgers.get("big")?.reservedBytes ?? 0) <= 55 * gigabyte);
  assert.equal(admitted.length + waiting.length, 24);
  assert.match(waiting[0]?.reason ?? "", /are free|room is kept/);
});

test("a job larger than any host is refused, with the reason and advice", () => {
  const small = host({ host: "small", memoryBytes: 8 * gigabyte, reserveBytes: gigabyte });
  const { refused, waiting } = admit([candidate("huge", 56)], [host(), small], nowMs);
  assert.equal(refused[0]?.reason, "asks for 56.0 GB, the largest host has 55.0 GB for jobs");
  assert.match(refused[0]?.advice ?? "", /memory_mb/);
  assert.deepEqual(waiting, []);
  const coarse = new Set([500, 1000]);
  const [untaken] = admit(
    [candidate("fine", 1, 1, { group: "p2", thresholds: [250, 500] })],
    [host({ thresholds: coarse })],
    nowMs,
  ).refused;
  assert.equal(untaken?.reason, "no host takes 250, 500 dbps");
});

test("a job goes only where all its thresholds are taken; a paused group keeps it waiting, and refuses nothing", () => {
  const coarse = host({ host: "coarse", thresholds: new Set([500, 1000]) });
  const fine = host({ host: "fine", memoryBytes: 20 * gigabyte });
  const both = candidate("both", 1, 1, { thresholds: [250, 1000] });
  assert.deepEqual(admittedTo([candidate("one", 1), both], coarse, fine), ["one on coarse", "both on fine"]);
  const { refused, waiting } = admit([candidate("a", 1)], [host({ groups: new Map([["p2", 4]]) })], nowMs);
  assert.deepEqual(refused, []);
  assert.equal(waiting[0]?.reason, "big: p1 is paused or not known there");
});

test("jobs_max, a group's share and a closed host each keep jobs out, and say so", () => {
  const jobs = [candidate("a", 1), candidate("b", 1, 5)];
  const reasonOf = (changes: Partial<AdmissionHost>): string =>
    admit(jobs, [host(changes)], nowMs).waiting.at(-1)?.reason ?? "";
  assert.match(reasonOf({ jobsMax: 1 }), /jobs_max/);
  assert.match(reasonOf({ groups: new Map([["p1", 1]]) }), /has 1 jobs of p1, as many as may be/);
  assert.equal(reasonOf({ closed: "drained" }), "big: drained");
  assert.match(reasonOf({ availableBytes: 0.5 * gigabyte }), /the host can give 500.0 MB/);
});

test("a lost host is avoided while another has room; the host with the most free memory is taken", () => {
  const other = host({ host: "other", memoryBytes: 20 * gigabyte });
  assert.deepEqual(admittedTo([candidate("a", 1)], host(), other), ["a on big"]);
  assert.deepEqual(admittedTo([candidate("a", 1, 1, { avoidHost: "big" })], host(), other), ["a on other"]);
  assert.deepEqual(
    admittedTo([candidate("a", 20, 1, { avoidHost: "big" })], host(), other),
    ["a on big"],
    "better than none",
  );
});

test("room is kept for the next: others pass only if they should be gone by then, or fit beside it", () => {
  const running = [placed("r1", 30, 10), placed("r2", 20, 60)];
  const next = candidate("next", 30, 90);
  const busy = host({ placed: running });
  assert.deepEqual(admittedTo([next, candidate("gone by then", 5, 9)], busy), ["gone by then"]);
  assert.deepEqual(
    admittedTo([next, candidate("beside it", 5, 80)], busy),
    ["beside it"],
    "35 GB are free then, 5 are left",
  );
  const wider = host({ placed: [placed("r1", 25, 10), placed("r2", 20, 60)] });
  assert.deepEqual(admittedTo([candidate("next", 33, 90), candidate("too long", 5, 80)], wider), []);
});

test("waiting counts as length: later work passes a job only so often", () => {
  const one = host({ memoryBytes: 10 * gigabyte, reserveBytes: 0 });
  const waited = (minutes: number): Candidate =>
    candidate("short", 10, 1, { waitingSinceMs: nowMs - minutes * 60_000 });
  assert.deepEqual(admittedTo([candidate("long", 10, 60), waited(58)], one), ["long"]);
  assert.deepEqual(admittedTo([candidate("long", 10, 60), waited(60)], one), ["short"]);
});

test("room is kept for one job at a time, and what is given beside it is given once", () => {
  const busy = host({ placed: [placed("r1", 30, 10), placed("r2", 20, 60)] });
  const jobs = [candidate("first", 33, 90), candidate("second", 50, 85), candidate("third", 5, 40)];
  assert.deepEqual(admittedTo(jobs, busy), [], "2 GB are left beside the first, which has room in 10 minutes");
  const wider = host({ placed: [placed("r1", 25, 10), placed("r2", 20, 60)] });
  const beside = [candidate("first", 30, 90), candidate("a", 3, 80), candidate("b", 3, 70)];
  assert.deepEqual(admittedTo(beside, wider), ["a"], "5 GB are left beside the first");
});

test("a job that is late is expected to end last", () => {
  const busy = host({ placed: [placed("late", 20, -5), placed("r2", 30, 60)] });
  assert.deepEqual(
    admittedTo([candidate("first", 25, 90), candidate("a", 5, 50)], busy),
    ["a"],
    "the first has room in an hour",
  );
});

test("an overdue job goes first, and waits for the same host, whatever seems to have room sooner", () => {
  const big = host({ placed: [placed("r1", 50, 60)] });
  const other = host({ host: "other", memoryBytes: 26 * gigabyte, placed: [placed("r2", 18, 10)] });
  const overdue = candidate("overdue", 15, 5, { blockedSinceMs: nowMs - patienceMs });
  assert.deepEqual(admittedTo([candidate("long", 1, 500), overdue], big, other), ["long on other"]);
  const waiting = candidate("waiting", 15, 5, { blockedSinceMs: nowMs - patienceMs + 1 });
  assert.deepEqual(admittedTo([candidate("long", 1, 500), waiting], big, other), ["long on big"]);
});

test("after its patience nothing passes the next any more", () => {
  const busy = host({ placed: [placed("r1", 30, 10), placed("r2", 20, 60)] });
  const blocked = (forMs: number): Candidate => candidate("next", 30, 90, { blockedSinceMs: nowMs - forMs });
  const quick = candidate("quick", 1, 1);
  assert.deepEqual(admittedTo([blocked(patienceMs - 1), quick], busy), ["quick"]);
  assert.deepEqual(admittedTo([blocked(patienceMs), quick], busy), []);
});

const someThresholds = [100, 250, 1000];
const anyGroup = fc.constantFrom<WorkGroup>(...workGroups);
const request = fc.integer({ min: 1, max: 20e9 });
const anyCandidate: fc.Arbitrary<Omit<Candidate, "job">> = fc.record({
  group: anyGroup,
  thresholds: fc.subarray(someThresholds),
  requestBytes: request,
  durationMs: fc.integer({ min: 0, max: 7_200_000 }),
  waitingSinceMs: fc.integer({ min: 0, max: nowMs }),
  blockedSinceMs: fc.option(fc.integer({ min: nowMs - 2 * patienceMs, max: nowMs }), { nil: undefined }),
  avoidHost: fc.option(fc.constantFrom("h0", "h1"), { nil: undefined }),
});
const anyHost: fc.Arbitrary<Omit<AdmissionHost, "host">> = fc.record({
  memoryBytes: fc.integer({ min: 0, max: 60e9 }),
  reserveBytes: fc.integer({ min: 0, max: 10e9 }),
  jobsMax: fc.integer({ min: 0, max: 20 }),
  thresholds: fc.option(
    fc.subarray(someThresholds).map((some) => new Set(some)),
    { nil: undefined },
  ),
  groups: fc.array(fc.tuple(anyGroup, fc.nat(10)), { maxLength: 4 }).map((entries) => new Map(entries)),
  placed: fc.array(
    fc.record({
      job: fc.uuid(),
      group: anyGroup,
      requestBytes: request,
      endsAtMs: fc.option(fc.integer({ min: nowMs - 1000, max: nowMs + 7_200_000 }), { nil: undefined }),
    }),
    { maxLength: 6 },
  ),
  availableBytes: fc.option(fc.integer({ min: 0, max: 60e9 }), { nil: undefined }),
  closed: fc.option(fc.constant("drained"), { nil: undefined, freq: 8 }),
});
const anyCandidates = fc
  .array(anyCandidate, { maxLength: 30 })
  .map((all) => all.map((one, i) => ({ ...one, job: `j${i}` })));
const anyHosts = fc.array(anyHost, { maxLength: 3 }).map((all) => all.map((one, i) => ({ ...one, host: `h${i}` })));

test("always: no budget, jobs_max or group share is exceeded by what is admitted, and each job has one answer", () => {
  fc.assert(
    fc.property(anyCandidates, anyHosts, (candidates, hosts) => {
      const { admitted, waiting, refused, ledgers } = admit(candidates, hosts, nowMs);
      const answers = [...admitted, ...waiting, ...refused].map(({ job }) => job);
      assert.deepEqual(answers.toSorted(), candidates.map(({ job }) => job).toSorted());
      const byJob = new Map(candidates.map((one) => [one.job, one]));
      for (const one of hosts) {
        const here = admitted.filter(({ host: name }) => name === one.host);
        if (here.length === 0) continue;
        assert.equal(one.closed, undefined);
        const before = one.placed.reduce((sum, { requestBytes }) => sum + requestBytes, 0);
        const added = here.reduce((sum, { requestBytes }) => sum + requestBytes, 0);
        assert.ok(before + added <= one.memoryBytes - one.reserveBytes);
        assert.ok(added <= (one.availableBytes ?? Number.POSITIVE_INFINITY));
        assert.equal(ledgers.get(one.host)?.reservedBytes, before + added);
        assert.ok(one.placed.length + here.length <= one.jobsMax);
        for (const [group, max] of one.groups) {
          const ours = here.filter(({ job }) => byJob.get(job)?.group === group).length;
          if (ours > 0) assert.ok(one.placed.filter((task) => task.group === group).length + ours <= max);
        }
        for (const { job } of here) {
          const { group, thresholds } = byJob.get(job) ?? assert.fail(job);
          assert.ok(one.groups.has(group));
          assert.ok(thresholds.every((threshold) => one.thresholds?.has(threshold) ?? true));
        }
      }
    }),
    { numRuns: 500 },
  );
});

test("always: admitting again what was just admitted changes nothing", () => {
  fc.assert(
    fc.property(anyCandidates, anyHosts, (candidates, hosts) => {
      const first = admit(candidates, hosts, nowMs);
      const byJob = new Map(candidates.map((one) => [one.job, one]));
      const after = hosts.map((one): AdmissionHost => {
        const added = first.admitted
          .filter(({ host: name }) => name === one.host)
          .flatMap(({ job }): Placed[] => {
            const placedNow = byJob.get(job);
            return placedNow === undefined ? [] : [{ ...placedNow, endsAtMs: nowMs + placedNow.durationMs }];
          });
        const availableBytes =
          one.availableBytes === undefined
            ? undefined
            : one.availableBytes - added.reduce((sum, { requestBytes }) => sum + requestBytes, 0);
        return { ...one, placed: [...one.placed, ...added], availableBytes };
      });
      const blockedSince = new Map(first.waiting.map(({ job, blockedSinceMs }) => [job, blockedSinceMs]));
      const left = candidates
        .filter(({ job }) => blockedSince.has(job))
        .map((one) => Object.assign({}, one, { blockedSinceMs: blockedSince.get(one.job) }));
      assert.deepEqual(admit(left, after, nowMs).admitted, []);
    }),
    { numRuns: 500 },
  );
});

test("nobody starves: a large job gets its turn although small ones that overrun their guess never stop coming", () => {
  // Durations are guessed as a minute and last an hour: the worst that guesses can do.
  const size = { memoryBytes: 10 * gigabyte, reserveBytes: 0, jobsMax: 50 };
  let running: Placed[] = [];
  const endOf = new Map<string, number>();
  let blockedSinceMs: number | undefined;
  let count = 0;
  for (let atMs = nowMs; atMs < nowMs + 4 * 3_600_000; atMs += 60_000) {
    running = running.filter(({ job }) => (endOf.get(job) ?? 0) > atMs);
    const small = Array.from({ length: 5 }, () => candidate(`s${(count += 1)}`, 1, 1, { waitingSinceMs: atMs }));
    const large = candidate("large", 10, 5, { blockedSinceMs });
    const admission = admit([large, ...small], [host(Object.assign({}, size, { placed: running }))], atMs);
    const byJob = new Map(small.map((one) => [one.job, one]));
    if (admission.admitted.some(({ job }) => job === "large")) {
      assert.ok(
        atMs - nowMs <= patienceMs + 3_600_000 + 120_000,
        "it waits for its patience and for the longest that runs",
      );
      return;
    }
    blockedSinceMs = admission.waiting.find(({ job }) => job === "large")?.blockedSinceMs;
    for (const { job } of admission.admitted) {
      const one = byJob.get(job);
      if (one === undefined) continue;
      running.push({ ...one, endsAtMs: atMs + one.durationMs });
      endOf.set(job, atMs + 3_600_000);
    }
  }
  assert.fail("the large job was never admitted");
});

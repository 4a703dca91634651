import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import * as fc from "fast-check";
import { parseLoadAverage, parseMemory, parsePressure } from "../../lib/plan/proc.ts";

const some = "some avg10=7.16 avg60=2.22 avg300=4.29 total=60711990";
const full = "full avg10=0.00 avg60=0.00 avg300=100.00 total=0";
const meminfo = `MemTotal:       24684084 kB
MemFree:        23444916 kB
MemAvailable:   24049000 kB
Buffers:           38076 kB
`;

test("pressure as the kernel writes it", () => {
  const averages = { avg10: 7.16, avg60: 2.22, avg300: 4.29 };
  assert.deepEqual(parsePressure(`${some}\n${full}\n`), { some: averages, full: { avg10: 0, avg60: 0, avg300: 100 } });
  assert.deepEqual(parsePressure(`${some}\n`), { some: averages, full: undefined }, "cpu before 5.13");
  assert.deepEqual(parsePressure(some), { some: averages, full: undefined }, "without its last newline");
});

test("a pressure that is not as the kernel writes it is unknown, not zero", () => {
  for (const bad of [
    "",
    "\n",
    full,
    `${full}\n${some}`,
    `${some}\n${some}`,
    `${some}\n${full}\n${full}`,
    `${some}\n\n${full}`,
    some.replace("7.16", "7"),
    some.replace("7.16", "-7.16"),
    some.replace("7.16", "nan"),
    some.replace("7.16", "100.01"),
    some.replace(" avg60=2.22", ""),
    some.replace(" total=60711990", ""),
    "cat: /proc/pressure/cpu: Operation not supported",
  ]) {
    assert.equal(parsePressure(bad), undefined, bad);
  }
});

test("memory in bytes; what is missing, twice there or impossible is unknown", () => {
  assert.deepEqual(parseMemory(meminfo), { totalBytes: 24_684_084 * 1024, availableBytes: 24_049_000 * 1024 });
  for (const bad of [
    "",
    meminfo.replace("MemAvailable", "MemFree"),
    meminfo.replace("MemTotal", "Mem"),
    meminfo.replace("24049000 kB", "24049000"),
    meminfo.replace("24049000 kB", "24049000 MB"),
    meminfo.replace("24049000", "24684085"),
    meminfo.replace("24684084", "0").replace("24049000", "0"),
    meminfo + meminfo,
  ]) {
    assert.equal(parseMemory(bad), undefined, bad);
  }
});

test("load average", () => {
  assert.deepEqual(parseLoadAverage("0.20 0.81 12.61 1/97 25280\n"), { one: 0.2, five: 0.81, fifteen: 12.61 });
  for (const bad of ["", "0.20 0.81", "load average: 0.20, 0.81, 0.61", "0,20 0,81 0,61 1/97 25280"]) {
    assert.equal(parseLoadAverage(bad), undefined, bad);
  }
});

test("no text makes a parser throw, or give a number that is none", () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string(), fc.stringMatching(/^some avg10=[\d.]* avg60=[\d.]* avg300=[\d.]* total=\d*\n?$/)),
      (text) => {
        const averages = Object.values(parsePressure(text)?.some ?? {}).map(Number);
        assert.ok(averages.every((value) => value >= 0 && value <= 100));
        parseMemory(text);
        parseLoadAverage(text);
      },
    ),
  );
});

test(
  "this machine's own files can be read",
  { skip: !existsSync("/proc/pressure/memory") && "no pressure information" },
  () => {
    assert.notEqual(parseMemory(readFileSync("/proc/meminfo", "utf8")), undefined);
    assert.notEqual(parseLoadAverage(readFileSync("/proc/loadavg", "utf8")), undefined);
    for (const kind of ["cpu", "memory", "io"]) {
      assert.notEqual(parsePressure(readFileSync(`/proc/pressure/${kind}`, "utf8")), undefined, kind);
    }
  },
);

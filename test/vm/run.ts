// `npm run test:vm`: the tests that need a real systemd, in a virtual machine. Exit 2 where it cannot run here.
import { spawnSync } from "node:child_process";
import { skipWithoutPueue } from "../rig/pueue.ts";
import { lackingForVm } from "./image.ts";

const cannotRun = 2;

const lacking = [...lackingForVm(), ...(skipWithoutPueue === false ? [] : [skipWithoutPueue])];
if (lacking.length > 0) {
  process.stderr.write(`test:vm cannot run here; what is missing:\n${lacking.map((one) => `  ${one}\n`).join("")}`);
  process.exit(cannotRun);
}
const words = ["--test", "--test-reporter=spec", "test/vm/systemd.vm.ts"];
process.exit(spawnSync(process.execPath, words, { stdio: "inherit" }).status ?? 1);

// `npm run rig`: a fleet to try commands on, until Ctrl-C. Two hosts behind real SSH servers, each with a pueue daemon of its own; a served
// store; an archive server; two symbols over the turn of a year. What leads commands to it goes into a file to be sourced.
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { FleetRig, skipWithoutFleet } from "./fleet.ts";

if (skipWithoutFleet !== false) {
  process.stderr.write(`the rig needs what is not here: ${skipWithoutFleet}\n`);
  process.exit(3);
}

await using rig = await FleetRig.start(["alpha", "beta"], { perDay: 400_000, servesArchive: true });
const file = join(rig.folder, "env");
const lines = Object.entries(rig.env).map(([name, value]) => `export ${name}='${value}'`);
// It has the store's password.
writeFileSync(file, `${lines.join("\n")}\n`, { mode: 0o600 });
process.stdout.write(`in another shell: source ${file}
kill -USR2 ${process.pid}   alpha loses its power: its jobs die, its daemon and its SSH server start again
Ctrl-C ends all of it
`);
process.on("SIGUSR2", () => void reboot());
await Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")]);

async function reboot(): Promise<void> {
  const alpha = rig.host("alpha");
  await alpha.powerOff();
  await alpha.powerOn();
  process.stdout.write("alpha was started anew\n");
}

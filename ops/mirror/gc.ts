import { defineCommand, runIfMain } from "../../lib/command/index.ts";
import { ConfigurationError } from "../../lib/model/errors.ts";
import { exitCodes } from "../../lib/model/exit-codes.ts";
import { formatBytes } from "../../lib/report/text-table.ts";
import { collectMirror, mirrorRoot } from "../../lib/sources/archive/index.ts";

const command = defineCommand({
  name: "mirror gc",
  summary: "bound the mirror of fetched archives; what goes can be fetched again",
  options: {
    "max-gb": {
      type: "string",
      demandOption: true,
      describe: "what the mirror may hold, in GB (10^9 bytes); the longest unused archives go first",
      parse: parseGigabytes,
    },
    plan: { type: "boolean", describe: "say what would go; remove nothing" },
  },
  examples: [
    ["--max-gb 100", "keeps the 100 GB used last"],
    ["--max-gb 0", "empties it, but for what was used within the last hour"],
  ],
  handler: async (args, { settings, print, printJson, log }) => {
    const bytesMax = args.maxGb * 1e9;
    const done = await collectMirror(mirrorRoot(settings.stateDirectory), bytesMax, Date.now(), args.plan);
    if (settings.json) {
      const removed = done.removed.map(({ name, bytes }) => ({ name, bytes }));
      printJson({ version: 1, kept_bytes: done.keptBytes, over_bytes: done.overBytes, removed });
    } else {
      for (const { name, bytes } of done.removed) print(`${name}  ${formatBytes(bytes)}`);
      const verb = args.plan ? "would go" : "removed";
      print(`${done.removed.length} files ${verb}; ${formatBytes(done.keptBytes)} stay`);
    }
    if (done.overBytes > 0) log(`${formatBytes(done.overBytes)} over the bound: used within the last hour`);
    return exitCodes.ok;
  },
});

function parseGigabytes(text: string): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isFinite(value)) return value;
  throw new ConfigurationError(`"${text}" is not a size in GB`, {
    code: "BAD_SIZE",
    hint: "a number, such as 100 or 0.5",
  });
}

export default command;
await runIfMain(import.meta, command);

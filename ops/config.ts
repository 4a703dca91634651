import { defineCommand, runIfMain } from "../lib/command/index.ts";
import { exitCodes } from "../lib/model/exit-codes.ts";

const command = defineCommand({
  name: "config",
  summary: "print every setting, its value and where it came from",
  examples: [
    ["", "settings as this shell sees them; secrets are masked"],
    ["--json", "the same as one JSON document"],
  ],
  handler: (_args, { settings, explainSettings, print, printJson }) => {
    const rows = explainSettings();
    if (settings.json) {
      printJson({ settings: rows });
      return exitCodes.ok;
    }
    const nameWidth = Math.max(...rows.map((row) => row.name.length));
    const valueWidth = Math.max(...rows.map((row) => (row.value ?? "-").length));
    for (const { name, value, from, env } of rows) {
      const source = from.includes(env) || from.startsWith("--") ? from : `${from}; ${env} sets it`;
      print(`${name.padEnd(nameWidth)}  ${(value ?? "-").padEnd(valueWidth)}  ${source}`);
    }
    return exitCodes.ok;
  },
});

export default command;
await runIfMain(import.meta, command);

import { once } from "node:events";
import { defineCommand, runIfMain } from "../../lib/command/index.ts";
import { ConfigurationError } from "../../lib/model/errors.ts";
import { exitCodes } from "../../lib/model/exit-codes.ts";
import { serveStore } from "../../lib/store/index.ts";

const command = defineCommand({
  name: "store serve",
  summary: "keep the embedded store open as a ClickHouse server on loopback",
  options: {
    port: { type: "string", describe: "port on 127.0.0.1 (default: any free one)", parse: parsePort },
  },
  examples: [
    ["--json", "prints {url, user, password}; the same stands in <state>/owner.json"],
    ["--port 8123", "on ClickHouse's own port"],
  ],
  handler: async (args, { settings, signal, print, printJson, log }) => {
    const served = await serveStore(settings.stateDirectory, args.port ?? 0, log);
    try {
      if (settings.json) printJson({ version: 1, ...served.address });
      else {
        print(`${served.address.url} (user ${served.address.user}, password in ${served.ownerFile})`);
        print("ends at Ctrl-C or SIGTERM");
      }
      if (!signal.aborted) await once(signal, "abort");
      log("letting statements under way end");
    } finally {
      await served.close();
    }
    return exitCodes.ok;
  },
});

function parsePort(text: string): number {
  const port = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (port <= 65_535) return port;
  throw new ConfigurationError(`"${text}" is not a port`, { code: "BAD_PORT", hint: "0 … 65535; 0 is any free one" });
}

export default command;
await runIfMain(import.meta, command);

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { z } from "zod";
import { exitCodes } from "../../lib/model/exit-codes.ts";
import { isPortTaken } from "../rig/ports.ts";
import { ServedStoreProcess } from "../rig/serve.ts";
import { noSshd, Sshd } from "../rig/sshd.ts";
import { barkeep, temporaryFolder } from "./run.ts";

/** Where a server on another machine is looked for. */
const port = "8123";

// macOS gives a machine one address of loopback; this wants two.
const isLinux = process.platform === "linux" ? false : "it takes a second address of loopback";
const skip = noSshd || isLinux || ((await isPortTaken(Number(port))) ? `something else has port ${port}` : false);

const documentSchema = z.object({
  tried: z.array(z.looseObject({ kind: z.string(), problem: z.string().nullable() })),
  clickhouse: z.string(),
  schema: z.number(),
});

/** At an address where only the host's sshd listens. */
function elsewhere(text: string): string {
  return text.replaceAll("127.0.0.1", "127.0.0.2");
}

test(
  "a store on another machine is found directly where its port is open, and through SSH where it is not",
  { skip },
  async () => {
    await using sshd = await Sshd.start({ lines: ["ListenAddress 127.0.0.2"] });
    await using served = await ServedStoreProcess.start(temporaryFolder("found"), port);
    const env = { ...served.env, CLICKHOUSE_URL: "", RANGEBAR_MODE: "remote", RANGEBAR_CH_HOSTS: sshd.alias };
    const find = async (configFile: string): Promise<z.infer<typeof documentSchema>> => {
      const { code, stdout, stderr } = await barkeep(["store", "find", "--ssh-config", configFile, "--json"], env);
      assert.equal(code, exitCodes.ok, stderr);
      return documentSchema.parse(JSON.parse(stdout));
    };
    const direct = await find(sshd.configFile);
    assert.deepEqual(direct.tried, [{ kind: "direct", sshAlias: sshd.alias, port: Number(port), problem: null }]);
    assert.ok(direct.schema > 0);

    const [far, farKnown] = [join(sshd.folder, "far_config"), join(sshd.folder, "far_hosts")];
    writeFileSync(farKnown, elsewhere(readFileSync(sshd.knownHosts, "utf8")));
    writeFileSync(far, elsewhere(readFileSync(sshd.configFile, "utf8")).replace(sshd.knownHosts, farKnown));
    const tunnelled = await find(far);
    assert.deepEqual(
      tunnelled.tried.map(({ kind, problem }) => [kind, problem === null]),
      [
        ["direct", false],
        ["tunnel", true],
      ],
    );
    assert.deepEqual([tunnelled.clickhouse, tunnelled.schema], [direct.clickhouse, direct.schema]);

    await served.stop();
    const { code, stderr } = await barkeep(["store", "find", "--ssh-config", far], env);
    assert.equal(code, exitCodes.unavailable);
    assert.match(
      stderr,
      /no store answers; tried\n +rig, port 8123: .*\n +rig through SSH, port 8123: nothing answers at localhost:8123 as seen from rig/,
    );
  },
);

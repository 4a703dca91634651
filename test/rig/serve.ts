import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { z } from "zod";

const projectRoot = join(import.meta.dirname, "..", "..");
const addressSchema = z.object({ url: z.string(), user: z.string(), password: z.string() });

/** A real `barkeep store serve` of a state directory, in a process of its own. */
export class ServedStoreProcess {
  readonly url: string;
  readonly user: string;
  readonly password: string;
  readonly child: ChildProcess;
  /** What it has said since it serves. */
  stderr = "";

  private constructor(child: ChildProcess, address: z.infer<typeof addressSchema>) {
    this.child = child;
    this.url = address.url;
    this.user = address.user;
    this.password = address.password;
    this.child.stderr?.on("data", (text: string) => (this.stderr += text));
  }

  /** @param port any free one when left out */
  static async start(state: string, port?: string): Promise<ServedStoreProcess> {
    const words = ["store", "serve", "--json", "--state", state, ...(port === undefined ? [] : ["--port", port])];
    const child = spawn(process.execPath, [join(projectRoot, "bin/barkeep.mjs"), ...words], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    child.stderr.setEncoding("utf8").on("data", (said: string) => process.stderr.write(said));
    let text = "";
    for await (const line of createInterface({ input: child.stdout })) {
      text += line;
      if (line === "}") break;
    }
    return new ServedStoreProcess(child, addressSchema.parse(JSON.parse(text)));
  }

  /** The environment that leads a command to it. */
  get env(): Record<string, string> {
    return { CLICKHOUSE_URL: this.url, CLICKHOUSE_USER: this.user, CLICKHOUSE_PASSWORD: this.password };
  }

  /** Puts rows into a table of `barkeep`, as docs/durability.md restores a copy. @param rows in the Native format */
  async insert(table: string, rows: Uint8Array): Promise<void> {
    await this.#post(`INSERT INTO barkeep.${table} FORMAT Native`, Buffer.from(rows));
  }

  /** What a query answers. */
  async rows<Schema extends z.ZodType>(query: string, schema: Schema): Promise<z.output<Schema>[]> {
    const text = await this.#post(`${query} FORMAT JSONEachRow`, "");
    return text
      .trim()
      .split("\n")
      .map((line) => schema.parse(JSON.parse(line)));
  }

  async #post(query: string, body: Buffer<ArrayBuffer> | string): Promise<string> {
    const url = `${this.url}/?max_partitions_per_insert_block=0&query=${encodeURIComponent(query)}`;
    const authorization = `Basic ${Buffer.from(`${this.user}:${this.password}`).toString("base64")}`;
    const response = await fetch(url, { method: "POST", headers: { authorization }, body });
    const text = await response.text();
    if (!response.ok) throw new Error(text);
    return text;
  }

  /** Its exit code. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      this.child.kill(signal);
      await once(this.child, "exit");
    }
    return this.child.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

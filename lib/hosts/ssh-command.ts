import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import type { ClientChannel } from "ssh2";
import { abortReason } from "./abort.ts";
import { folderMissing, hostLost, shellUnusable } from "./errors.ts";
import type { CommandEnd, RunningCommand } from "./host.ts";
import { folderIsMissing, killText } from "./quote.ts";
import type { SshConnection } from "./ssh-connection.ts";

/** What a login may print before the command's own output begins. */
const noiseBytesMax = 64 * 1024;
/** How long a killed command's session is waited for: a process outside its group may hold the output open. */
const afterKillMs = 5_000;

/** A command's wrapping: what it was asked to do, and how its first line begins. */
export interface Wrapping {
  readonly host: string;
  readonly cwd: string;
  readonly mark: string;
}

/**
 * A session as a running command, once its shell has said its process id.
 * @throws ConfigurationError HOST_NO_FOLDER, HOST_SHELL; RetryableError HOST_LOST
 */
export async function commandOn(
  connection: SshConnection,
  channel: ClientChannel,
  { host, cwd, mark }: Wrapping,
): Promise<RunningCommand> {
  let hasEnded = false;
  const ended = endOf(host, connection, channel).finally(() => (hasEnded = true));
  // Nothing is swallowed: who asks for the end is told of a loss. Who only started the command, and never asks, must not be ended by
  // a rejection that nobody took.
  ended.catch(() => undefined);
  const said = await readMark(channel, mark);
  const pid = Number(said);
  if (!(pid > 1)) {
    channel.resume();
    channel.stderr.on("data", (chunk: Buffer) => (noise += chunk.toString("utf8")));
    let noise = "";
    await ended;
    throw said === folderIsMissing ? folderMissing(host, cwd) : shellUnusable(host, noise.trim().slice(0, 200));
  }
  const kill = async (): Promise<void> => {
    if (!hasEnded) await killOver(connection, channel, pid, ended);
  };
  return { pid, stdout: channel, stderr: channel.stderr, ended, kill };
}

/**
 * A session that closes without saying how its command ended says nothing of the command: that is a loss, not a failure. Its
 * `exit` event may come before anybody can listen; `close` comes after the output has been read, and repeats it.
 */
async function endOf(host: string, { lost }: SshConnection, channel: ClientChannel): Promise<CommandEnd> {
  const end = Promise.withResolvers<CommandEnd>();
  const lose = (): void => end.reject(lost.aborted ? abortReason(lost) : hostLost(host));
  // Also for output that nobody reads, whose session would never close.
  lost.addEventListener("abort", lose, { once: true });
  channel.once("close", (code?: number | null, signal?: string) => {
    lost.removeEventListener("abort", lose);
    if (code === undefined) lose();
    else end.resolve({ code, signal: signal ?? null });
  });
  return end.promise;
}

/**
 * Reads stdout up to the mark's line and leaves the rest unread; what a login's files print before it is dropped.
 * @returns what stands behind the mark, or undefined where stdout ends without it
 */
async function readMark(channel: ClientChannel, mark: string): Promise<string | undefined> {
  let text = Buffer.alloc(0);
  return new Promise((resolve) => {
    const finish = (said: string | undefined, rest?: Buffer): void => {
      channel.off("readable", look).off("end", atEnd);
      if (rest !== undefined && rest.length > 0) channel.unshift(rest);
      resolve(said);
    };
    const atEnd = (): void => finish(undefined);
    const look = (): void => {
      for (let chunk = readChunk(channel); chunk !== undefined; chunk = readChunk(channel)) {
        text = Buffer.concat([text, chunk]);
        const start = text.indexOf(`${mark}:`);
        const lineEnd = start < 0 ? -1 : text.indexOf("\n", start);
        if (lineEnd >= 0) {
          finish(text.toString("latin1", start + mark.length + 1, lineEnd), text.subarray(lineEnd + 1));
          return;
        }
        if (text.length > noiseBytesMax) {
          finish(undefined);
          return;
        }
      }
    };
    channel.on("readable", look).once("end", atEnd);
    look();
  });
}

function readChunk(channel: ClientChannel): Buffer | undefined {
  const chunk: unknown = channel.read();
  return Buffer.isBuffer(chunk) ? chunk : undefined;
}

/** Ends a process group from a second session: the first belongs to the command, and closing it would end nothing. */
async function killOver(
  connection: SshConnection,
  channel: ClientChannel,
  pid: number,
  ended: Promise<CommandEnd>,
): Promise<void> {
  const settled = ended.then(
    () => undefined,
    () => undefined,
  );
  try {
    const session = await connection.openKillSession(killText(pid));
    session.resume();
    session.stderr.resume();
    await once(session, "close");
  } catch {
    // A server with one session a connection: what the protocol has for it, which not every server heeds.
    if (!connection.lost.aborted) channel.signal("KILL");
  }
  await Promise.race([settled, sleep(afterKillMs, undefined, { ref: false })]);
  channel.close();
  await settled;
}

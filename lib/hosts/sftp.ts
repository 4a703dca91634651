import { randomBytes } from "node:crypto";
import type { SFTPWrapper } from "ssh2";
import { unlessAborted } from "./abort.ts";
import { ConfigurationError, Failure, UnavailableError } from "../model/errors.ts";

/** Codes of the protocol's answers. */
const noSuchFile = 2;
const noPermission = 3;

/** A server takes packets of at least 32 KiB; so many may be on their way, or each would cost a round trip. */
const packetBytes = 32_768;
const packetsOnTheWay = 64;

/** A file transfer session and the signal of its connection's loss, after which the session answers nothing more. */
export interface FileSession {
  readonly host: string;
  readonly sftp: SFTPWrapper;
  readonly lost: AbortSignal;
}

/**
 * Writes a file whole: a reader there sees the old one or the new one, also after a loss of power. A temporary file of the given
 * mode from its first byte on, then fsync, then a rename over what has the name.
 * @throws ConfigurationError HOST_NO_FOLDER, NO_PERMISSION, HOST_SFTP; UnavailableError HOST_FILE, a full disk among others
 */
export async function replaceFile(
  session: FileSession,
  path: string,
  content: AsyncIterable<Buffer> | Iterable<Buffer>,
  mode: number,
): Promise<void> {
  const { host, sftp, lost } = session;
  const done = async (call: Call): Promise<void> => unlessAborted(answer(call), lost);
  const temporary = `${path}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    const handle = await unlessAborted(open(sftp, temporary, mode), lost);
    try {
      await writeAll(session, handle, content);
      // The server's umask has had its say at the creation.
      await done((end) => sftp.fchmod(handle, mode, end));
      await done((end) => sftp.ext_openssh_fsync(handle, end));
    } finally {
      await done((end) => sftp.close(handle, end));
    }
    // The protocol's own rename refuses where something has the name.
    await done((end) => sftp.ext_openssh_rename(temporary, path, end));
  } catch (error) {
    await done((end) => sftp.unlink(temporary, () => end()));
    throw fileFailure(host, path, error);
  }
}

/** A small file's bytes, or undefined where there is none. @throws ConfigurationError NO_PERMISSION; UnavailableError HOST_FILE */
export async function readSmallFile({ host, sftp, lost }: FileSession, path: string): Promise<Buffer | undefined> {
  const bytes = new Promise<Buffer>((resolve, reject) => {
    sftp.readFile(path, (error, all) => (error === undefined ? resolve(all) : reject(error)));
  });
  try {
    return await unlessAborted(bytes, lost);
  } catch (error) {
    if (codeOf(error) === noSuchFile) return undefined;
    throw fileFailure(host, path, error);
  }
}

async function open(sftp: SFTPWrapper, path: string, mode: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    sftp.open(path, "wx", { mode }, (error, handle) => (error === undefined ? resolve(handle) : reject(error)));
  });
}

async function writeAll(
  { sftp, lost }: FileSession,
  handle: Buffer,
  content: AsyncIterable<Buffer> | Iterable<Buffer>,
): Promise<void> {
  const onTheWay = new Set<Promise<void>>();
  const failures: unknown[] = [];
  const sendPacket = (packet: Buffer, at: number): void => {
    const sending = unlessAborted(
      answer((end) => sftp.write(handle, packet, 0, packet.length, at, end)),
      lost,
    );
    const sent: Promise<void> = sending
      .catch((error: unknown) => void failures.push(error))
      .finally(() => onTheWay.delete(sent));
    onTheWay.add(sent);
  };
  let position = 0;
  for await (const chunk of content) {
    for (let start = 0; start < chunk.length && failures.length === 0; start += packetBytes) {
      sendPacket(chunk.subarray(start, start + packetBytes), position + start);
      if (onTheWay.size >= packetsOnTheWay) await Promise.race(onTheWay);
    }
    position += chunk.length;
    if (failures.length > 0) break;
  }
  await Promise.all(onTheWay);
  if (failures.length > 0) throw failures[0];
}

type Call = (end: (error?: Error | null) => void) => void;

async function answer(call: Call): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    call((error) => (error instanceof Error ? reject(error) : resolve()));
  });
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}

function fileFailure(host: string, path: string, error: unknown): unknown {
  // What this machine says of the file to be copied is not the host's failure.
  if (error instanceof Failure || typeof codeOf(error) === "string") return error;
  const about = { subject: `${host}:${path}`, cause: error };
  const why = error instanceof Error ? error.message : String(error);
  if (codeOf(error) === noSuchFile) {
    const hint = "make the folder, or correct `directory` in fleet.toml";
    return new ConfigurationError("its folder is not there", { code: "HOST_NO_FOLDER", hint, ...about });
  }
  if (codeOf(error) === noPermission) {
    const hint = "give the account permission, or name another `directory` in fleet.toml";
    return new ConfigurationError("no permission there", { code: "NO_PERMISSION", hint, ...about });
  }
  if (/extended request/.test(why)) {
    const hint = "use OpenSSH's server there; others cannot replace a file in one step";
    return new ConfigurationError("its server lacks what a durable upload needs", {
      code: "HOST_SFTP",
      hint,
      ...about,
    });
  }
  const hint = "see whether its disk is full";
  return new UnavailableError(`the file could not be written or read: ${why}`, { code: "HOST_FILE", hint, ...about });
}

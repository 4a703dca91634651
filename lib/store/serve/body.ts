import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from "node:zlib";
import { ServeException } from "./exception.ts";

const decoders: Readonly<Record<string, () => NodeJS.ReadWriteStream>> = {
  gzip: createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
  zstd: createZstdDecompress,
};

/** The request's body, inflated. A body that breaks off, or does not inflate, is an error of the stream. */
export function bodyOf(request: IncomingMessage): Readable {
  const encoding = request.headers["content-encoding"] ?? "identity";
  if (encoding === "identity" || encoding === "") return request;
  const decoder = decoders[encoding];
  if (decoder === undefined) {
    const known = Object.keys(decoders).join(", ");
    throw new ServeException(400, 89, "UNKNOWN_COMPRESSION_METHOD", `content encoding ${encoding}: send ${known}`);
  }
  const inflated = decoder();
  request.on("error", (error) => inflated.emit("error", error));
  return Readable.from(request.pipe(inflated), { objectMode: false });
}

/**
 * Reads the head of a body, which must hold the whole statement.
 * @returns the first bytes, at most `limit` and a chunk, and the rest as a stream that begins where they end
 */
export async function splitHead(body: Readable, limit: number): Promise<{ head: Buffer; rest: Readable }> {
  const chunks: Buffer[] = [];
  let size = 0;
  const source = body.iterator({ destroyOnReturn: false });
  let ended = false;
  while (size <= limit) {
    const next = await source.next();
    if (next.done === true) {
      ended = true;
      break;
    }
    const chunk = asBuffer(next.value);
    chunks.push(chunk);
    size += chunk.byteLength;
  }
  const head = Buffer.concat(chunks);
  const rest = ended ? Readable.from([], { objectMode: false }) : Readable.from(source, { objectMode: false });
  return { head, rest };
}

/** First `head`, then `rest`. */
export function joined(head: Buffer, rest: Readable): Readable {
  async function* both(): AsyncGenerator<Buffer> {
    if (head.byteLength > 0) yield head;
    for await (const chunk of rest) yield asBuffer(chunk);
  }
  return Readable.from(both(), { objectMode: false });
}

function asBuffer(chunk: unknown): Buffer {
  if (Buffer.isBuffer(chunk)) return chunk;
  if (chunk instanceof Uint8Array) return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  if (typeof chunk === "string") return Buffer.from(chunk);
  throw new TypeError(`a body's chunk is a ${typeof chunk}`);
}

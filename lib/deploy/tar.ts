import { open } from "node:fs/promises";

/** A file as a release has it. */
export interface ReleaseFile {
  /** In the release, with `/` between its parts. */
  readonly path: string;
  /** Where its bytes are here. */
  readonly source: string;
  readonly isExecutable: boolean;
}

const blockBytes = 512;
const nameBytesMax = 100;
const prefixBytesMax = 155;
const readBytes = 1 << 20;

/**
 * An archive in the ustar format that depends on the files' paths, bytes and modes alone: no times, no owners, no folders.
 * @param files in the order they are to stand in
 * @throws TypeError for a path that the format cannot hold
 */
export async function* tarOf(files: readonly ReleaseFile[]): AsyncGenerator<Buffer> {
  for (const { path, source, isExecutable } of files) {
    const file = await open(source, "r");
    try {
      const { size } = await file.stat();
      yield header(path, size, isExecutable ? 0o755 : 0o644);
      let left = size;
      while (left > 0) {
        const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(Math.min(left, readBytes)));
        if (bytesRead === 0) throw new Error(`${source} was cut while it was read`);
        yield buffer.subarray(0, bytesRead);
        left -= bytesRead;
      }
      const over = size % blockBytes;
      if (over > 0) yield Buffer.alloc(blockBytes - over);
    } finally {
      await file.close();
    }
  }
  yield Buffer.alloc(2 * blockBytes);
}

function header(path: string, size: number, mode: number): Buffer {
  const block = Buffer.alloc(blockBytes);
  const { name, prefix } = splitPath(path);
  const octal = (value: number, at: number, width: number): void => {
    block.write(`${value.toString(8).padStart(width - 1, "0")}\0`, at, "latin1");
  };
  block.write(name, 0, "utf8");
  octal(mode, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(size, 124, 12);
  octal(0, 136, 12);
  block.write("0", 156, "latin1");
  block.write("ustar\x0000", 257, "latin1");
  block.write(prefix, 345, "utf8");
  // The sum is taken with blanks where it will stand.
  block.fill(" ", 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}

/** The format has two fields for a path, to be joined with a slash. */
function splitPath(path: string): { readonly name: string; readonly prefix: string } {
  if (Buffer.byteLength(path) <= nameBytesMax) return { name: path, prefix: "" };
  for (let slash = path.indexOf("/"); slash !== -1; slash = path.indexOf("/", slash + 1)) {
    const [prefix, name] = [path.slice(0, slash), path.slice(slash + 1)];
    if (Buffer.byteLength(name) <= nameBytesMax && Buffer.byteLength(prefix) <= prefixBytesMax) return { name, prefix };
  }
  throw new TypeError(`a release cannot hold a path so long: ${path}`);
}

import { crc32, deflateRawSync } from "node:zlib";

/** One entry of a zip, and what of its headers is to be a lie. */
export interface ZipEntry {
  readonly name: string;
  readonly content: Uint8Array;
  readonly method?: "deflate" | "store";
  /** CRC-32 to declare instead of the content's. */
  readonly declaredCrc?: number;
  /** Inflated size to declare instead of the content's. */
  readonly declaredSize?: number;
}

const localHeaderSignature = 0x04034b50;
const centralHeaderSignature = 0x02014b50;
const endSignature = 0x06054b50;
const versionNeeded = 20;
/** 1980-01-01, the least date a zip can say: the same content gives the same bytes. */
const fixedDosDate = 0x21;

/** A zip of small entries (no zip64), as bytes; the same entries give the same bytes. */
export function zipOf(entries: readonly ZipEntry[]): Buffer {
  const locals: Buffer[] = [];
  const centrals: Buffer[] = [];
  let offset = 0;
  for (const entry of entries) {
    const stored = entry.method === "store" ? Buffer.from(entry.content) : deflateRawSync(entry.content);
    const name = Buffer.from(entry.name);
    const common = commonFields(entry, stored.length, name.length);
    const local = Buffer.concat([uint32(localHeaderSignature), common, name, stored]);
    const central = Buffer.concat([
      uint32(centralHeaderSignature),
      uint16(versionNeeded),
      common,
      // Comment length, disk, internal attributes, external attributes.
      Buffer.alloc(10),
      uint32(offset),
      name,
    ]);
    locals.push(local);
    centrals.push(central);
    offset += local.length;
  }
  const directory = Buffer.concat(centrals);
  const count = uint16(entries.length);
  const end = [
    uint32(endSignature),
    Buffer.alloc(4),
    count,
    count,
    uint32(directory.length),
    uint32(offset),
    uint16(0),
  ];
  return Buffer.concat([...locals, directory, ...end]);
}

/** The fields that a local and a central header share, from "version needed" to "extra length". */
function commonFields(entry: ZipEntry, storedBytes: number, nameBytes: number): Buffer {
  return Buffer.concat([
    uint16(versionNeeded),
    uint16(0),
    uint16(entry.method === "store" ? 0 : 8),
    uint16(0),
    uint16(fixedDosDate),
    uint32(entry.declaredCrc ?? crc32(entry.content)),
    uint32(storedBytes),
    uint32(entry.declaredSize ?? entry.content.length),
    uint16(nameBytes),
    uint16(0),
  ]);
}

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
}

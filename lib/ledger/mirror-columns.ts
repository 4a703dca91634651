/** A column of the mirror, and how the store gives it. */
interface MirrorColumn {
  readonly name: string;
  readonly select: string;
}

function column(name: string, select = name): MirrorColumn {
  return { name, select };
}

/** Wider than SQLite's integers and never so great: the same bits. */
function bits(name: string): MirrorColumn {
  return column(name, `reinterpretAsInt64(${name})`);
}

/**
 * The columns of barkeep.coverage that a ledger mirrors, all but the unit's name. The checkpoint's text is kept of each unit's
 * newest row alone; of the others its digest.
 */
export const mirrorColumns: readonly MirrorColumn[] = [
  bits("attempt"),
  column("part"),
  column("day"),
  column("day_done", "toUInt8(day_done)"),
  column("from_id"),
  column("through_id"),
  column("first_us"),
  column("last_us"),
  bits("records"),
  bits("fills"),
  column("volume"),
  column("turnover"),
  bits("bars"),
  bits("orphans"),
  bits("quarantined"),
  column("bars_digest", "leftPad(lower(hex(bars_digest)), 16, '0')"),
  column("source_name"),
  column("source_sha256"),
  column("source_revision"),
  column("base", "toJSONString(arrayMap(link -> [toString(link.1), toString(link.2)], base))"),
  column("checkpoint_sha256", "if(checkpoint = '', '', lower(hex(SHA256(checkpoint))))"),
  column("core_release"),
  column("committed_ms", "toUnixTimestamp64Milli(committed_at)"),
];

/** The columns of barkeep.coverage that a row's hash covers: all but the unit's name, the checkpoint's text too. */
export const hashedColumns = [
  "attempt",
  "part",
  "day",
  "day_done",
  "from_id",
  "through_id",
  "first_us",
  "last_us",
  "records",
  "fills",
  "volume",
  "turnover",
  "bars",
  "orphans",
  "quarantined",
  "bars_digest",
  "source_name",
  "source_sha256",
  "source_revision",
  "base",
  "checkpoint",
  "core_release",
  "committed_at",
] as const;

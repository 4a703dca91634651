import Database from "better-sqlite3";
import { z } from "zod";
import { RefusedError } from "../model/errors.ts";
import { ledgerFailure, ledgerForeign, ledgerNewer } from "./errors.ts";
import { mirrorColumns } from "./mirror-columns.ts";
import { applicationId, ledgerVersion } from "./schema.ts";

const cell = z.union([z.string(), z.bigint(), z.number(), z.null()]);
type Cell = z.output<typeof cell>;

/** A table that cannot be derived from the store. */
interface KeptTable {
  readonly name: string;
  readonly key: string;
  readonly columns: readonly string[];
}

function table(name: string, key: string, columns: string): KeptTable {
  return { name, key, columns: columns.split(" ") };
}

/** In the order in which they are put back. */
const tables: readonly KeptTable[] = [
  table("plans", "rowid", "id created_ms document"),
  table("journal", "seq", "seq at_ms boot monotonic_ns host pid kind subject details"),
  table(
    "attempts",
    "id",
    "id unit build attempt plan host pid process_start boot started_ms started_monotonic_ns ended_ms elapsed_ms result code trades bars",
  ),
  table(
    "job_attempts",
    "id",
    "id host label job job_group attempt request_bytes archive_bytes bar_version queued_ms cancelled_ms outcome exit_code code limit_bytes peak_bytes resident_peak_bytes cpu_ms duration_ms trades bars started_ms ended_ms",
  ),
  table("host_notes", "rowid", "host name value changed_ms"),
  table("heal_tries", "id", "id gap unit host pid process_start started_ms ended_ms result code replayed_ms"),
  table("outbox", "id", "id fingerprint severity text created_ms not_before_ms attempts state kind incidents lasts_ms"),
  table("deliveries", "id", "id outbox at_ms channel result details"),
  table(
    "incidents",
    "id",
    "id fingerprint kind subject place severity verdict summary evidence state first_seen_ms last_seen_ms bad_looks good_looks said_ms times_said quiet_until_ms quiet_for_ms hidden_by resolved_ms",
  ),
  table(
    "channels",
    "rowid",
    "name not_before_ms failures failing_since_ms last_failure moved_to next_update updated_ms",
  ),
  table("ephemeral_messages", "id", "id channel message delete_at_ms deleted_ms"),
  table("heartbeats", "id", "id started_ms boot monotonic_ns every_ms ended_ms result"),
  // Of days that were replaced: no other look than one at that day finds it again.
  table("archive_days", "location", "location market symbol day sha256 first_seen_ms seen_ms"),
  table("archive_accepted", "id", "id market symbol from_day through_day reason accepted_by at_ms expires_ms"),
];

/** What of a table could be read. */
export interface SalvagedTable {
  readonly name: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
  /** Was it read from its first row to its last? */
  readonly isWhole: boolean;
}

/** What could be read of a ledger's file, whatever its state. */
export interface Salvage {
  readonly storeId: string | undefined;
  readonly tables: readonly SalvagedTable[];
  /** Flagged rows of the mirror, each behind its unit's series, segment and build: evidence that the store does not give again. */
  readonly evidence: SalvagedTable;
  /** How many rows that are there twice were accepted, of units by series, segment and build. */
  readonly acceptances: SalvagedTable;
}

const unitColumns: ReadonlySet<string> = new Set(["series", "segment", "build"]);
const evidenceColumns: readonly string[] = [
  ...unitColumns,
  ...mirrorColumns.map(({ name }) => name),
  "row_hash",
  "revision",
  "seen_seq",
  "gone_seq",
  "gone_as",
  "accepted_seq",
];

const acceptanceColumns: readonly string[] = [...unitColumns, "doubled_accepted"];

function unread(name: string, columns: readonly string[]): SalvagedTable {
  return { name, columns, rows: [], isWhole: false };
}

/** A ledger's file as it is found, whatever damage it has. */
export class OldLedger implements Disposable {
  readonly path: string;
  readonly #database: Database.Database | undefined;
  /** Another value once another process has written; undefined where the file cannot be read. */
  readonly #version: Cell | undefined;

  constructor(path: string) {
    this.path = path;
    this.#database = openAsItIs(path);
    this.#version = this.#dataVersion();
  }

  /** Reads what can be read. @throws ConfigurationError LEDGER_NEWER, LEDGER_FOREIGN */
  salvage(): Salvage {
    const database = this.#database;
    if (database === undefined) {
      return {
        storeId: undefined,
        tables: tables.map(({ name, columns }) => unread(name, columns)),
        evidence: unread("evidence", evidenceColumns),
        acceptances: unread("acceptances", acceptanceColumns),
      };
    }
    refuseUnknown(database, this.path);
    const selected = evidenceColumns.map((name) => (unitColumns.has(name) ? `u.${name}` : `c.${name}`));
    const evidence = `SELECT ${selected.join(", ")} FROM mirror_units AS u JOIN mirror_coverage AS c ON c.unit = u.id WHERE c.gone_as IS NOT NULL`;
    const acceptances = `SELECT ${acceptanceColumns.join(", ")} FROM mirror_units WHERE doubled_accepted > 0`;
    const fact = readUntilError(database, "SELECT value FROM facts WHERE name = 'store_id'").rows[0]?.[0];
    return {
      storeId: typeof fact === "string" ? fact : undefined,
      tables: tables.map((one) => readTable(database, one)),
      evidence: { name: "evidence", columns: evidenceColumns, ...readUntilError(database, evidence) },
      acceptances: { name: "acceptances", columns: acceptanceColumns, ...readUntilError(database, acceptances) },
    };
  }

  /**
   * Does something while nobody else can write into the file.
   * @throws RefusedError LEDGER_IN_USE where somebody has since it was opened
   */
  whileUnchanged<T>(work: () => T): T {
    const database = this.#database;
    if (database === undefined || !canBeWritten(database, this.path)) return work();
    try {
      if (this.#dataVersion() !== this.#version) throw writtenMeanwhile(this.path);
      return work();
    } finally {
      database.exec("ROLLBACK");
    }
  }

  [Symbol.dispose](): void {
    this.#database?.close();
  }

  #dataVersion(): Cell | undefined {
    if (this.#database === undefined) return undefined;
    return readUntilError(this.#database, "SELECT data_version FROM pragma_data_version").rows[0]?.[0];
  }
}

/** Takes the right to write, of a file that is not so damaged that nobody can. */
function canBeWritten(database: Database.Database, path: string): boolean {
  try {
    database.exec("BEGIN IMMEDIATE");
    return true;
  } catch (error) {
    if (isDamage(error)) return false;
    throw ledgerFailure(error, path);
  }
}

function writtenMeanwhile(path: string): RefusedError {
  return new RefusedError("another process wrote into the ledger meanwhile", {
    code: "LEDGER_IN_USE",
    subject: path,
    hint: "nothing was changed; run the same command again, and where it ends so again, stop what runs beside it (barkeep services status)",
  });
}

function openAsItIs(path: string): Database.Database | undefined {
  try {
    const database = new Database(path, { fileMustExist: true });
    database.defaultSafeIntegers(true);
    // What stands in the log beside the file belongs to it when it is moved aside.
    database.pragma("wal_checkpoint(TRUNCATE)");
    return database;
  } catch {
    return undefined;
  }
}

function refuseUnknown(database: Database.Database, path: string): void {
  const pragmas = readUntilError(
    database,
    "SELECT application_id, user_version FROM pragma_application_id, pragma_user_version",
  );
  const [id, version] = (pragmas.rows[0] ?? []).map(Number);
  if (id !== undefined && id !== 0 && id !== applicationId) throw ledgerForeign(path);
  if (version !== undefined && version > ledgerVersion) throw ledgerNewer(path, version, ledgerVersion);
}

/** From the front up to the damage, then from the back up to it. What an older release's file has no place for is not missing. */
function readTable(database: Database.Database, { name, key, columns: all }: KeptTable): SalvagedTable {
  const there = new Set(
    readUntilError(database, `SELECT name FROM pragma_table_info('${name}')`).rows.map(([one]) => one),
  );
  const columns = all.filter((column) => there.has(column));
  if (columns.length === 0) return { name, columns, rows: [], isWhole: isOlder(database) };
  const select = `SELECT ${key}, ${columns.join(", ")} FROM ${name}`;
  const front = readUntilError(database, `${select} ORDER BY ${key}`);
  const last = front.rows.at(-1)?.[0];
  const behind = typeof last === "bigint" ? `WHERE ${key} > ${last}` : "";
  const back = front.isWhole ? [] : readUntilError(database, `${select} ${behind} ORDER BY ${key} DESC`).rows;
  const rows = [...front.rows, ...back.toReversed()].map((row) => row.slice(1));
  return { name, columns, rows, isWhole: front.isWhole };
}

function isOlder(database: Database.Database): boolean {
  const version = readUntilError(database, "SELECT user_version FROM pragma_user_version").rows[0]?.[0];
  return version !== undefined && Number(version) > 0 && Number(version) < ledgerVersion;
}

function readUntilError(database: Database.Database, sql: string): Pick<SalvagedTable, "rows" | "isWhole"> {
  const rows: Cell[][] = [];
  let isWhole = true;
  try {
    for (const row of database.prepare(sql).raw().iterate()) {
      const read = z.array(cell).safeParse(row);
      // A value of a kind that is never written is damage too.
      if (read.success) rows.push(read.data);
      else isWhole = false;
    }
    return { rows, isWhole };
  } catch (error) {
    // What was read before the damage stays.
    if (isDamage(error)) return { rows, isWhole: false };
    throw error;
  }
}

function isDamage(error: unknown): boolean {
  if (!(error instanceof Database.SqliteError)) return false;
  return /^SQLITE_(CORRUPT|NOTADB|IOERR)/.test(error.code) || /^no such (table|column)/.test(error.message);
}

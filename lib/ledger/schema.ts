/** Marks the file as ours, in SQLite's header: "bkLG". */
export const applicationId = 0x62_6b_4c_47;

/** A step of the ledger's history. Never edited once released: later changes are later steps. */
interface LedgerMigration {
  readonly version: number;
  readonly sql: string;
}

/** Evidence is only added to: who wants to correct it writes a new row. */
function appendOnly(table: string): string {
  return `CREATE TRIGGER ${table}_no_update BEFORE UPDATE ON ${table}
BEGIN SELECT RAISE(ABORT, '${table} is append-only'); END;
CREATE TRIGGER ${table}_no_delete BEFORE DELETE ON ${table}
BEGIN SELECT RAISE(ABORT, '${table} is append-only'); END;`;
}

const journal = `CREATE TABLE journal (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  at_ms INTEGER NOT NULL,
  boot TEXT NOT NULL,
  monotonic_ns INTEGER NOT NULL,
  host TEXT NOT NULL,
  pid INTEGER NOT NULL,
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  details TEXT NOT NULL CHECK (json_valid(details))
) STRICT;
${appendOnly("journal")}
-- INSERT OR REPLACE deletes without asking the trigger above.
CREATE TRIGGER journal_no_replace BEFORE INSERT ON journal WHEN EXISTS (SELECT 1 FROM journal WHERE seq = NEW.seq)
BEGIN SELECT RAISE(ABORT, 'journal is append-only'); END;`;

const plans = `CREATE TABLE plans (
  id TEXT PRIMARY KEY,
  created_ms INTEGER NOT NULL,
  document TEXT NOT NULL CHECK (json_valid(document))
) STRICT;
${appendOnly("plans")}`;

const attempts = `CREATE TABLE attempts (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  unit TEXT NOT NULL,
  build INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  plan TEXT,
  host TEXT NOT NULL,
  pid INTEGER NOT NULL,
  process_start TEXT NOT NULL,
  boot TEXT NOT NULL,
  started_ms INTEGER NOT NULL,
  started_monotonic_ns INTEGER NOT NULL,
  ended_ms INTEGER,
  elapsed_ms INTEGER,
  result TEXT CHECK (result IN ('done', 'partial', 'interrupted', 'superseded', 'refused', 'failed')),
  code TEXT,
  trades INTEGER,
  bars INTEGER,
  CHECK ((ended_ms IS NULL) = (result IS NULL))
) STRICT;
CREATE INDEX attempts_of_unit ON attempts (unit, id);
CREATE INDEX attempts_open ON attempts (id) WHERE result IS NULL;`;

/**
 * `row_count` and `row_hash` of a unit are sums over its rows that the store holds, doubled ones counted as often as they are
 * there: what the store's own summary must be equal to. A row that the store holds no longer, or no longer so, is kept with
 * `gone_as`.
 */
const mirror = `CREATE TABLE mirror_units (
  id INTEGER PRIMARY KEY,
  series TEXT NOT NULL,
  segment TEXT NOT NULL,
  build INTEGER NOT NULL,
  row_count INTEGER NOT NULL DEFAULT 0,
  row_hash INTEGER NOT NULL DEFAULT 0,
  doubled INTEGER NOT NULL DEFAULT 0,
  UNIQUE (series, segment, build)
) STRICT;
CREATE TABLE mirror_coverage (
  unit INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  part INTEGER NOT NULL,
  day TEXT NOT NULL,
  day_done INTEGER NOT NULL,
  from_id INTEGER NOT NULL,
  through_id INTEGER NOT NULL,
  first_us INTEGER NOT NULL,
  last_us INTEGER NOT NULL,
  records INTEGER NOT NULL,
  fills INTEGER NOT NULL,
  volume TEXT NOT NULL,
  turnover TEXT NOT NULL,
  bars INTEGER NOT NULL,
  orphans INTEGER NOT NULL,
  quarantined INTEGER NOT NULL,
  bars_digest TEXT NOT NULL,
  source_name TEXT NOT NULL,
  source_sha256 TEXT NOT NULL,
  source_revision INTEGER NOT NULL,
  base TEXT NOT NULL,
  checkpoint_sha256 TEXT NOT NULL,
  core_release TEXT NOT NULL,
  committed_ms INTEGER NOT NULL,
  row_hash INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  seen_seq INTEGER NOT NULL,
  gone_seq INTEGER,
  gone_as TEXT CHECK (gone_as IN ('missing', 'changed')),
  accepted_seq INTEGER,
  PRIMARY KEY (unit, attempt, part, revision),
  CHECK ((gone_seq IS NULL) = (gone_as IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX mirror_gone ON mirror_coverage (unit, gone_as) WHERE gone_as IS NOT NULL;
CREATE TABLE mirror_checkpoints (
  unit INTEGER PRIMARY KEY,
  attempt INTEGER NOT NULL,
  part INTEGER NOT NULL,
  checkpoint TEXT NOT NULL
) STRICT;`;

const outbox = `CREATE TABLE outbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  fingerprint TEXT NOT NULL,
  severity TEXT NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
  text TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  not_before_ms INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'sent', 'unknown'))
) STRICT;
CREATE UNIQUE INDEX outbox_pending ON outbox (fingerprint) WHERE state = 'pending';
CREATE TABLE deliveries (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  outbox INTEGER NOT NULL REFERENCES outbox (id),
  at_ms INTEGER NOT NULL,
  channel TEXT NOT NULL,
  result TEXT NOT NULL CHECK (result IN ('sent', 'failed', 'unknown')),
  details TEXT NOT NULL CHECK (json_valid(details))
) STRICT;`;

/** Tries to close gaps: `replayed_ms` marks those that a person let count no more. */
const healTries = `CREATE TABLE heal_tries (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  gap TEXT NOT NULL,
  unit TEXT NOT NULL,
  host TEXT NOT NULL,
  pid INTEGER NOT NULL,
  process_start TEXT NOT NULL,
  started_ms INTEGER NOT NULL,
  ended_ms INTEGER,
  result TEXT CHECK (result IN ('healed', 'failed', 'elsewhere', 'interrupted', 'queued')),
  code TEXT,
  replayed_ms INTEGER,
  CHECK ((ended_ms IS NULL) = (result IS NULL))
) STRICT;
CREATE INDEX heal_tries_of_gap ON heal_tries (gap, id);
CREATE INDEX heal_tries_open ON heal_tries (id) WHERE result IS NULL;`;

const facts = `CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;`;

/** What the fleet's commands remember of a host: drained, groups held, the autoscaler's state. */
const hostNotes = `CREATE TABLE host_notes (
  host TEXT NOT NULL,
  name TEXT NOT NULL,
  value TEXT NOT NULL CHECK (json_valid(value)),
  changed_ms INTEGER NOT NULL,
  PRIMARY KEY (host, name)
) STRICT;`;

/** Attempts at queued jobs. A row is made when the attempt is queued, and filled in when its result is read back from its host. */
const jobAttempts = `CREATE TABLE job_attempts (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  host TEXT NOT NULL,
  label TEXT NOT NULL,
  job TEXT NOT NULL,
  job_group TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  request_bytes INTEGER,
  archive_bytes INTEGER,
  bar_version INTEGER,
  queued_ms INTEGER,
  cancelled_ms INTEGER,
  outcome TEXT CHECK (outcome IN ('exited', 'signalled', 'out-of-memory', 'not-started', 'lost')),
  exit_code INTEGER,
  code TEXT,
  limit_bytes INTEGER,
  peak_bytes INTEGER,
  resident_peak_bytes INTEGER,
  cpu_ms INTEGER,
  duration_ms INTEGER,
  trades INTEGER,
  bars INTEGER,
  started_ms INTEGER,
  ended_ms INTEGER,
  UNIQUE (host, label),
  CHECK ((outcome IS NULL) = (ended_ms IS NULL))
) STRICT;
CREATE INDEX job_attempts_of_job ON job_attempts (job, id);`;

/**
 * A live incident (any state but `resolved`) is one per fingerprint. `said_ms` is when people were last told of it, null where
 * nobody was yet; `quiet_until_ms` ends an ack or a snooze; `hidden_by` is the fingerprint of the incident that explains it.
 */
const incidents = `CREATE TABLE incidents (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  fingerprint TEXT NOT NULL,
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  place TEXT,
  severity TEXT NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
  verdict TEXT NOT NULL CHECK (verdict IN ('wrong', 'unknown')),
  summary TEXT NOT NULL,
  evidence TEXT NOT NULL CHECK (json_valid(evidence)),
  state TEXT NOT NULL CHECK (state IN ('pending', 'open', 'acked', 'snoozed', 'resolved')),
  first_seen_ms INTEGER NOT NULL,
  last_seen_ms INTEGER NOT NULL,
  bad_looks INTEGER NOT NULL,
  good_looks INTEGER NOT NULL,
  said_ms INTEGER,
  times_said INTEGER NOT NULL,
  quiet_until_ms INTEGER,
  hidden_by TEXT,
  resolved_ms INTEGER,
  CHECK ((resolved_ms IS NULL) = (state <> 'resolved'))
) STRICT;
CREATE UNIQUE INDEX incidents_live ON incidents (fingerprint) WHERE state <> 'resolved';
CREATE INDEX incidents_of_fingerprint ON incidents (fingerprint, id);`;

/** What a message is beside its text; the incidents that it tells of, oldest first, as a JSON list of ids. */
const messages = `ALTER TABLE outbox ADD COLUMN kind TEXT NOT NULL DEFAULT 'alert';
ALTER TABLE outbox ADD COLUMN incidents TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(incidents));
ALTER TABLE outbox ADD COLUMN lasts_ms INTEGER;
CREATE INDEX deliveries_of_message ON deliveries (outbox, channel, id);
CREATE TABLE channels (
  name TEXT PRIMARY KEY,
  not_before_ms INTEGER NOT NULL DEFAULT 0,
  failures INTEGER NOT NULL DEFAULT 0,
  failing_since_ms INTEGER,
  last_failure TEXT,
  moved_to TEXT,
  next_update INTEGER,
  updated_ms INTEGER
) STRICT;
CREATE TABLE ephemeral_messages (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  channel TEXT NOT NULL,
  message TEXT NOT NULL,
  delete_at_ms INTEGER NOT NULL,
  deleted_ms INTEGER
) STRICT;`;

/** Each pass of the heartbeat, so that the next one sees what was missed. `ended_ms` is null where it never came to its end. */
const heartbeats = `CREATE TABLE heartbeats (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  started_ms INTEGER NOT NULL,
  boot TEXT NOT NULL,
  monotonic_ns INTEGER NOT NULL,
  every_ms INTEGER,
  ended_ms INTEGER,
  result TEXT CHECK (result IN ('clean', 'findings', 'partial')),
  CHECK ((ended_ms IS NULL) = (result IS NULL))
) STRICT;`;

/**
 * What is known of the exchange's archives: of each the first and last published day, as a cache; single days that are not there or
 * were replaced since they were built from; and which absences somebody has accepted, which nothing else knows.
 */
const archives = `CREATE TABLE archive_extents (
  location TEXT NOT NULL,
  market TEXT NOT NULL,
  symbol TEXT NOT NULL,
  asked_from TEXT NOT NULL,
  first_day TEXT,
  last_day TEXT,
  looked_ms INTEGER NOT NULL,
  recheck_day TEXT,
  PRIMARY KEY (location, market, symbol),
  CHECK ((first_day IS NULL) = (last_day IS NULL))
) STRICT, WITHOUT ROWID;
CREATE TABLE archive_days (
  location TEXT NOT NULL,
  market TEXT NOT NULL,
  symbol TEXT NOT NULL,
  day TEXT NOT NULL,
  sha256 TEXT,
  first_seen_ms INTEGER NOT NULL,
  seen_ms INTEGER NOT NULL,
  PRIMARY KEY (location, market, symbol, day)
) STRICT, WITHOUT ROWID;
CREATE TABLE archive_accepted (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  market TEXT NOT NULL,
  symbol TEXT NOT NULL,
  from_day TEXT NOT NULL,
  through_day TEXT NOT NULL,
  reason TEXT NOT NULL,
  accepted_by TEXT NOT NULL,
  at_ms INTEGER NOT NULL,
  expires_ms INTEGER
) STRICT;`;

/** How long an ack or a snooze was asked for: its end alone does not say that the clock has been set back since. An ack is for a week. */
const quietTimes = `ALTER TABLE incidents ADD COLUMN quiet_for_ms INTEGER;
UPDATE incidents SET quiet_for_ms = 604800000 WHERE state = 'acked';`;

/** Of `doubled` rows so many were accepted; `replaced_by` is the newer build that readers saw at the last sync. */
const endsOfDivergence = `ALTER TABLE mirror_units ADD COLUMN doubled_accepted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE mirror_units ADD COLUMN replaced_by INTEGER;`;

export const ledgerMigrations: readonly LedgerMigration[] = [
  { version: 1, sql: [facts, journal, plans, attempts, mirror, outbox].join("\n") },
  { version: 2, sql: archives },
  { version: 3, sql: [incidents, messages, heartbeats].join("\n") },
  { version: 4, sql: healTries },
  { version: 5, sql: hostNotes },
  { version: 6, sql: jobAttempts },
  { version: 7, sql: quietTimes },
  { version: 8, sql: endsOfDivergence },
];

/** The version of a ledger's file that this program reads and writes. */
export const ledgerVersion = Math.max(...ledgerMigrations.map(({ version }) => version));

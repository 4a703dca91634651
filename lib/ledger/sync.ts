import { RetryableError } from "../model/errors.ts";
import { unitId } from "../model/series.ts";
import { publishedBuilds, storeIdOf, type Store } from "../store/index.ts";
import {
  storedRows,
  storedSums,
  unitText,
  type MirroredUnit,
  type RowKey,
  type StoredRow,
  type Wanted,
} from "./coverage-source.ts";
import { differingUnits, type DifferingUnit } from "./differing.ts";
import type { Ledger } from "./ledger.ts";
import type { Divergence } from "./mirror.ts";
import type { RowChange } from "./mirror-rows.ts";
import { moved, noRows } from "./sums.ts";

/** Rows per transaction: about a tenth of a second, for which other processes wait. */
const transactionRows = 5_000;
/** Rows and units per query. */
const queryRows = 100_000n;
const queryUnits = 500;
/** How often a comparison begins anew because another process mirrors the same unit. */
const comparisonsMost = 5;

/** What a sync came to. */
export interface SyncResult {
  readonly storeId: string;
  /** Units and rows that the store has. */
  readonly units: number;
  readonly rows: bigint;
  /** What the store was ahead by, and the mirror has now. */
  readonly mirrored: { readonly units: number; readonly rows: number };
  /** Where the store is not what was seen there before, in this sync or an earlier one, and nobody accepted it; of builds that were replaced too. */
  readonly divergences: readonly Divergence[];
}

/** The name of a unit's build, for people and the journal. */
export function buildName({ series, segment, build }: MirroredUnit): string {
  return `${unitId(series, segment)}#${build}`;
}

/**
 * Brings the mirror up to what the store holds. Only units whose sums differ are read; of those the rows behind the newest one
 * first, and all of them where that does not explain the difference. Each transaction leaves a mirror that the next sync
 * completes.
 * @throws RefusedError LEDGER_OTHER_STORE; RetryableError LEDGER_BUSY; what the store and the ledger's file throw; the signal's reason
 */
export async function syncLedger(ledger: Ledger, store: Store, signal: AbortSignal): Promise<SyncResult> {
  const storeId = await storeIdOf(store);
  ledger.belongTo(storeId);
  return new Sync(ledger, store, storeId, signal).run();
}

class Sync {
  readonly #ledger: Ledger;
  readonly #store: Store;
  readonly #storeId: string;
  readonly #signal: AbortSignal;
  readonly #grown = new Set<string>();
  #seq = 0n;
  #added = 0;

  constructor(ledger: Ledger, store: Store, storeId: string, signal: AbortSignal) {
    this.#ledger = ledger;
    this.#store = store;
    this.#storeId = storeId;
    this.#signal = signal;
  }

  async run(): Promise<SyncResult> {
    const { journal, mirror } = this.#ledger;
    let stored = await storedSums(this.#store);
    const differing = differingUnits(this.#ledger, stored);
    const begun = { units: stored.length, differing: differing.length };
    this.#seq = journal.record("ledger.sync-started", this.#storeId, begun);
    if (differing.length > 0) {
      await this.#addTails(differing);
      // Only what the rows behind the newest one do not explain is read as a whole.
      stored = await storedSums(this.#store);
      for (const { unit } of differingUnits(this.#ledger, stored)) await this.#compare(unit);
    }
    // Behind the comparison: what replaced a build since it was read is known to have.
    if (mirror.divergences().length > 0) {
      const builds = await publishedBuilds(this.#store);
      mirror.markReplaced(({ series, segment }) => builds(series, segment));
    }
    const result = {
      storeId: this.#storeId,
      units: stored.length,
      rows: stored.reduce((sum, { rows }) => sum + rows, 0n),
      mirrored: { units: this.#grown.size, rows: this.#added },
      divergences: mirror.divergences(),
    };
    const { units, rows, mirrored } = result;
    const ended = { units, rows, mirrored, divergent: result.divergences.length };
    journal.record("ledger.sync-ended", this.#storeId, ended);
    return result;
  }

  /** Takes over what stands behind the newest row of each unit that has grown. */
  async #addTails(differing: readonly DifferingUnit[]): Promise<void> {
    let batch: MirroredUnit[] = [];
    let more = 0n;
    for (const one of differing.filter((unit) => unit.more > 0n)) {
      batch.push(one.unit);
      more += one.more;
      if (more < queryRows && batch.length < queryUnits) continue;
      await this.#addRows(this.#wantedOf(batch));
      batch = [];
      more = 0n;
    }
    if (batch.length > 0) await this.#addRows(this.#wantedOf(batch));
  }

  /** One transaction for all: a unit that is new is written. */
  #wantedOf(units: readonly MirroredUnit[]): Wanted[] {
    const { mirror } = this.#ledger;
    return this.#ledger.transaction(() => units.map((unit) => ({ unit, after: mirror.newest(this.#idOf(unit)) })));
  }

  #idOf({ series, segment, build }: MirroredUnit): bigint {
    return this.#ledger.mirror.units.idOf(series, segment, build);
  }

  async #addRows(wanted: readonly Wanted[]): Promise<void> {
    const { mirror } = this.#ledger;
    const units = new Map(wanted.map(({ unit }) => [unitText(unit), unit]));
    for await (const list of storedRows(this.#store, wanted, transactionRows)) {
      this.#signal.throwIfAborted();
      this.#ledger.transaction(() => {
        for (const [text, rows] of Map.groupBy(list, (row) => row.unit)) {
          const unit = units.get(text);
          if (unit === undefined) throw new Error(`the store gave a row of a unit that was not asked for: ${text}`);
          this.#tell(unit, mirror.add(this.#idOf(unit), rows, this.#seq));
        }
      });
    }
  }

  /** Compares all rows of a unit with all that the mirror has of it. */
  async #compare(unit: MirroredUnit): Promise<void> {
    for (let begun = 0; begun < comparisonsMost; begun += 1) if (await this.#compareOnce(unit)) return;
    throw new RetryableError(`another process mirrors ${buildName(unit)} at the same time`, {
      code: "LEDGER_BUSY",
      subject: this.#ledger.path,
      hint: "let it end, and run the same command again",
    });
  }

  /** @returns false where another process has changed the unit's mirror in between */
  async #compareOnce(unit: MirroredUnit): Promise<boolean> {
    const { mirror } = this.#ledger;
    const id = this.#idOf(unit);
    // Before the store is read: what another process adds later may not be in what the store answers.
    let sums = mirror.units.sums(id);
    let after: RowKey | undefined;
    let said = noRows;
    let doubled = 0;
    let last: StoredRow | undefined;
    const step = (rows: readonly StoredRow[], through: RowKey | undefined): boolean =>
      this.#ledger.transaction(() => {
        const done = mirror.compare(id, rows, { after, through }, sums, this.#seq);
        if (done === undefined) return false;
        sums = done.sums;
        this.#tell(unit, done.change);
        return true;
      });
    for await (const rows of storedRows(this.#store, [{ unit, after: undefined }], transactionRows)) {
      this.#signal.throwIfAborted();
      const through = rows.at(-1)?.key;
      if (!step(rows, through)) return false;
      after = through;
      for (const row of rows) {
        said = [row, ...row.doubles].reduce((sum, { hash }) => moved(sum, { rows: 1n, hash }), said);
        doubled += row.doubles.length;
        if (row.checkpoint !== "") last = row;
      }
    }
    return step([], undefined) && mirror.settle(id, sums, { ...said, doubled, last });
  }

  /** Counts what a transaction did, and puts on record, in the same transaction, what the store has lost or changed. */
  #tell(unit: MirroredUnit, { added, missing, changed }: RowChange): void {
    this.#added += added;
    if (added > 0) this.#grown.add(unitText(unit));
    if (missing === 0 && changed === 0) return;
    const name = buildName(unit);
    this.#ledger.journal.record("ledger.diverged", name, { missing, changed });
  }
}

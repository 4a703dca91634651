import { createHash } from "node:crypto";
import { z } from "zod";
import { canonicalJson, type JsonValue } from "../model/canonical-json.ts";
import { ConfigurationError, RefusedError } from "../model/errors.ts";
import type { Clock } from "./clock.ts";
import type { LedgerFile } from "./file.ts";

const planRow = z.object({ id: z.string(), created_ms: z.coerce.number(), document: z.string() });

/** A plan as it was stored. */
export interface StoredPlan {
  /** 64 hexadecimal digits: the SHA-256 of the document. */
  readonly id: string;
  readonly createdMs: number;
  /** Canonical JSON. */
  readonly document: string;
}

/** So many digits are shown, and tell a person's plans apart. */
const shortDigits = 12;
const fewestDigits = 4;
const shownInHint = 3;

/** A plan's name for people. */
export function shortPlanId(id: string): string {
  return id.slice(0, shortDigits);
}

/** Plans, each under the hash of what it says: the same plan made twice is one, and one that was altered is found out. */
export class Plans {
  readonly #file: LedgerFile;
  readonly #clock: Clock;

  constructor(file: LedgerFile, clock: Clock) {
    this.#file = file;
    this.#clock = clock;
  }

  /** Stores a plan. @returns its id */
  put(document: JsonValue): string {
    const text = canonicalJson(document);
    const id = hashOf(text);
    this.#file.run(
      "INSERT INTO plans (id, created_ms, document) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
      id,
      this.#clock.wallMs(),
      text,
    );
    return id;
  }

  /**
   * Finds a plan by its id or the beginning of one.
   * @throws ConfigurationError BAD_PLAN_ID, UNKNOWN_PLAN, AMBIGUOUS_PLAN; RefusedError PLAN_ALTERED
   */
  find(named: string): StoredPlan {
    if (!/^[0-9a-f]+$/.test(named) || named.length < fewestDigits) {
      throw new ConfigurationError(`"${named}" is no plan's id`, {
        code: "BAD_PLAN_ID",
        hint: `${fewestDigits} hexadecimal digits or more, as populate --plan prints them`,
      });
    }
    const [found, another] = this.#file.rows(
      "SELECT id, created_ms, document FROM plans WHERE substr(id, 1, ?) = ? ORDER BY id LIMIT 2",
      planRow,
      named.length,
      named,
    );
    if (found === undefined) throw this.#unknown(named);
    if (another !== undefined) {
      throw new ConfigurationError(`more than one plan begins with ${named}`, {
        code: "AMBIGUOUS_PLAN",
        subject: named,
        hint: `write more of it: ${found.id}, ${another.id}`,
      });
    }
    if (hashOf(found.document) !== found.id) {
      throw new RefusedError("the plan is not what was stored: its hash is another one", {
        code: "PLAN_ALTERED",
        subject: found.id,
        hint: "plan again with populate --plan; the ledger's file has been changed by somebody",
      });
    }
    return { id: found.id, createdMs: found.created_ms, document: found.document };
  }

  count(): number {
    return this.#file.row("SELECT count(*) AS row_count FROM plans", countRow)?.row_count ?? 0;
  }

  #unknown(named: string): ConfigurationError {
    const last = this.#file.rows(
      "SELECT id, created_ms, document FROM plans ORDER BY created_ms DESC, id LIMIT ?",
      planRow,
      shownInHint,
    );
    const known = last.map(({ id }) => shortPlanId(id)).join(", ");
    return new ConfigurationError(`the ledger has no plan ${named}`, {
      code: "UNKNOWN_PLAN",
      subject: named,
      hint: last.length === 0 ? "make one with populate --plan" : `make one with populate --plan; the last: ${known}`,
    });
  }
}

const countRow = z.object({ row_count: z.coerce.number() });

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

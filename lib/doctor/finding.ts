/** What a check came to. `unknown` is a check that could not look: never a clean one. */
export interface Finding {
  readonly name: string;
  readonly state: "ok" | "failed" | "unknown";
  readonly detail: string;
  /** The command, or what to do, that puts it right. */
  readonly fix: string | undefined;
}

/** A check that found what it looked for. */
export function ok(name: string, detail: string): Finding {
  return { name, state: "ok", detail, fix: undefined };
}

/** A check that found something missing, and what puts it right. */
export function failed(name: string, detail: string, fix: string): Finding {
  return { name, state: "failed", detail, fix };
}

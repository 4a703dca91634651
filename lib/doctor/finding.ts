/** What a check came to. `unknown` is a check that could not look: never a clean one. */
export interface Finding {
  readonly name: string;
  /** `warning`: works, but not as well as it could. `skipped`: of no matter here, and the detail says why. */
  readonly state: "ok" | "warning" | "failed" | "unknown" | "skipped";
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

/** A check that found something to improve. */
export function warning(name: string, detail: string, fix: string): Finding {
  return { name, state: "warning", detail, fix };
}

/** A check that could not look. */
export function unknown(name: string, detail: string, fix: string): Finding {
  return { name, state: "unknown", detail, fix };
}

/** A check that does not apply, and why. */
export function skipped(name: string, why: string): Finding {
  return { name, state: "skipped", detail: why, fix: undefined };
}

/** What a check came to. `unknown` is a check that could not look: never a clean one. */
export interface Finding {
  readonly name: string;
  readonly state: "ok" | "failed" | "unknown";
  readonly detail: string;
  /** The command, or what to do, that puts it right. */
  readonly fix: string | undefined;
}

export function ok(name: string, detail: string): Finding {
  return { name, state: "ok", detail, fix: undefined };
}

export function failed(name: string, detail: string, fix: string): Finding {
  return { name, state: "failed", detail, fix };
}

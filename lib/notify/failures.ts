import type { Outcome } from "../ledger/index.ts";

/** Nothing was sent: there was nobody to send it to. */
const neverSent: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "ENETUNREACH",
  "EHOSTUNREACH",
  "EADDRNOTAVAIL",
  "UND_ERR_CONNECT_TIMEOUT",
]);

/** What it means that a request threw: not sent where that is certain, unknown otherwise. @param secrets never in the reason */
export function outcomeOfThrow(error: unknown, secrets: readonly string[]): Outcome {
  const codes = codesOf(error);
  const isCertain = codes.some(
    (code) => neverSent.has(code) || /^(CERT_|ERR_TLS_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/.test(code),
  );
  const text = error instanceof Error ? error.message : String(error);
  const reason = redact(codes.length === 0 ? text : `${text} (${codes.join(", ")})`, secrets);
  return isCertain ? { result: "failed", reason } : { result: "unknown", reason };
}

/** A text without the secrets that stand in it. */
export function redact(text: string, secrets: readonly string[]): string {
  return secrets.reduce((left, secret) => (secret === "" ? left : left.replaceAll(secret, "***")), text);
}

/** The codes of an error and of what caused it. */
function codesOf(error: unknown): string[] {
  if (!(error instanceof Error)) return [];
  const own = "code" in error && typeof error.code === "string" ? [error.code] : [];
  return [...new Set([...own, ...codesOf(error.cause)])].filter((code) => code !== "EFETCH");
}

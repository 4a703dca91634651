/** The version of every JSON answer's shape. */
const documentVersion = 1;

/** One JSON document: `version` first, bigint as a decimal string. */
export function jsonDocument(document: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(
    { version: documentVersion, ...document },
    (_key, value: unknown) => (typeof value === "bigint" ? value.toString() : value),
    2,
  );
}

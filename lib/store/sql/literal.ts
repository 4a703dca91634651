/**
 * Values as SQL text. Parameterised queries of the embedded engine are serialised over the whole process, so statements
 * carry their values as literals; every value passes one of these functions on its way into a statement.
 */

const escapes: Readonly<Record<string, string>> = {
  "\\": "\\\\",
  "'": "\\'",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\0": "\\0",
};

/** A string literal. */
export function sqlString(text: string): string {
  // oxlint-disable-next-line no-control-regex -- a NUL ends the statement at the engine's C boundary
  return `'${text.replace(/[\\'\n\r\t\0]/g, (character) => escapes[character] ?? character)}'`;
}

/** A whole number of any width. @throws RangeError for a number that is not a safe integer */
export function sqlInteger(value: bigint | number): string {
  if (typeof value === "number" && !Number.isSafeInteger(value)) {
    throw new RangeError(`${value} is not an exact whole number`);
  }
  return value.toString();
}

/** A name of a table or column from code or user input. @throws RangeError unless it is a plain name */
export function sqlName(name: string): string {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw new RangeError(`"${name}" is not a plain SQL name`);
  return `\`${name}\``;
}

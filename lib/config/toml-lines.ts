type Path = readonly PropertyKey[];

/**
 * The line (from 1) of a key in TOML text, or of the nearest parent written there: parsers keep no positions. An array's
 * element is found by the order of its `[[…]]` headers, or as its key's line when written inline.
 */
export function lineOfKey(text: string, path: Path): number {
  let best = { depth: 0, line: 1 };
  let table: PropertyKey[] = [];
  const elements = new Map<string, number>();
  const consider = (found: Path, line: number): void => {
    if (found.length > best.depth && found.every((part, i) => String(part) === String(path[i]))) {
      best = { depth: found.length, line };
    }
  };
  for (const [index, raw] of text.split("\n").entries()) {
    const header = /^\s*(\[\[?)([^\]]+)\]/.exec(raw);
    if (header !== null) {
      table = splitKey(header[2] ?? "");
      if (header[1] === "[[") {
        const name = table.join(".");
        const element = (elements.get(name) ?? -1) + 1;
        elements.set(name, element);
        table = [...table, element];
      }
      consider(table, index + 1);
      continue;
    }
    const assignment = /^\s*((?:"[^"]*"|'[^']*'|[\w-]+)(?:\s*\.\s*(?:"[^"]*"|'[^']*'|[\w-]+))*)\s*=/.exec(raw);
    if (assignment?.[1] !== undefined) consider([...table, ...splitKey(assignment[1])], index + 1);
  }
  return best.line;
}

function splitKey(key: string): string[] {
  return [...key.matchAll(/"([^"]*)"|'([^']*)'|([\w-]+)/g)].map((match) => match[1] ?? match[2] ?? match[3] ?? "");
}

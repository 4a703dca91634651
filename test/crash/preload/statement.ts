/** Statements that leave nothing behind are no points. */
const harmless = /^(SELECT|WITH|SET|USE|SHOW|DESCRIBE|DESC|EXISTS|EXPLAIN|PRAGMA \w+$)\b/i;

/** A statement of ClickHouse or SQLite as the name of a point: `insert barkeep.bars`; undefined when it changes nothing. */
export function statementName(sql: string): string | undefined {
  const text = sql.trim().replaceAll(/\s+/g, " ");
  if (text === "" || harmless.test(text)) return undefined;
  const insert = /^INSERT (?:OR \w+ )?INTO (?:TABLE )?([\w.`"]+)/i.exec(text);
  if (insert !== null) return `insert ${insert[1]}`;
  const made =
    /^(CREATE|DROP) (?:OR REPLACE )?(?:UNIQUE )?(\w+)(?: IF (?:NOT )?EXISTS)? ([\w.`"]+)/i.exec(text) ??
    /^(ALTER|TRUNCATE|OPTIMIZE) (TABLE) ([\w.`"]+)/i.exec(text);
  if (made !== null) {
    const [whole, verb = "", kind = "", name = ""] = made;
    const action = /^ALTER/i.test(verb) ? ` ${text.slice(whole.length).trim().split(" ").slice(0, 2).join(" ")}` : "";
    return `${verb} ${kind} ${name}${action}`.toLowerCase();
  }
  return text.split(" ").slice(0, 3).join(" ").toLowerCase();
}

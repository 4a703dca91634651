/** A word, number or mark of a statement outside strings, quoted names and comments. */
export interface Token {
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** How many parentheses stand open. */
  readonly depth: number;
}

const pattern =
  /(?<skip>\s+|--[^\n]*|\/\/[^\n]*|#!?[ !][^\n]*|(?<block>\/\*))|(?<heredoc>\$(?<tag>\w*)\$[\s\S]*?\$\k<tag>\$)|(?<quoted>'(?:[^'\\]|\\[\s\S]|'')*(?:'|$)|`(?:[^`\\]|\\[\s\S]|``)*(?:`|$)|"(?:[^"\\]|\\[\s\S]|"")*(?:"|$)|‘[^’]*(?:’|$)|“[^”]*(?:”|$))|(?<word>[\p{L}\p{N}_$]+)|(?<mark>[\s\S])/uy;

/** The tokens of a statement in order; strings and quoted names come as one token, comments and blanks not at all. */
export function* scan(sql: string): Generator<Token> {
  let depth = 0;
  for (let start = 0; start < sql.length;) {
    pattern.lastIndex = start;
    const match = pattern.exec(sql);
    if (match === null) return;
    const end = match.groups?.["block"] === undefined ? pattern.lastIndex : blockCommentEnd(sql, start);
    const text = match[0];
    if (text === ")" && depth > 0) depth -= 1;
    if (match.groups?.["skip"] === undefined) yield { text, start, end, depth };
    if (text === "(") depth += 1;
    start = end;
  }
}

/** Where a block comment ends; they may hold others. */
function blockCommentEnd(sql: string, start: number): number {
  const mark = /\/\*|\*\//g;
  mark.lastIndex = start;
  for (let open = 0; ;) {
    const found = mark.exec(sql);
    if (found === null) return sql.length;
    open += found[0] === "/*" ? 1 : -1;
    if (open === 0) return mark.lastIndex;
  }
}

/** True where a second statement follows the first: the embedded engine would run both. */
export function isMultiStatement(sql: string): boolean {
  let ended = false;
  for (const token of scan(sql)) {
    if (ended && token.text !== ";") return true;
    if (token.text === ";") ended = true;
  }
  return false;
}

/** The statement's first word, in capitals; an opening parenthesis counts as the SELECT it holds. */
export function statementKind(sql: string): string {
  for (const token of scan(sql)) return token.text === "(" ? "SELECT" : token.text.toUpperCase();
  return "";
}

/** Behind these `format` is a name, not a clause. */
const beforeName = new Set(["AS", "BY", "SELECT", "DISTINCT", "WHERE", "ON", "AND", "OR", "NOT", ",", "(", ".", "="]);

/** The format that a query's own FORMAT clause names: the last clause, but for SETTINGS. */
export function formatClause(sql: string): string | undefined {
  const words = [...scan(sql)].filter(({ depth }) => depth === 0).map(({ text }) => text);
  const at = words.findLastIndex((text, i) => {
    const [before, next, name] = [words[i - 1]?.toUpperCase() ?? "", words[i + 2]?.toUpperCase(), words[i + 1]];
    if (text.toUpperCase() !== "FORMAT" || beforeName.has(before)) return false;
    return name !== undefined && /^\w+$/.test(name) && (next === undefined || next === ";" || next === "SETTINGS");
  });
  return at < 0 ? undefined : words[at + 1];
}

/** An INSERT whose rows are a body in some format. */
export interface InsertStatement {
  /** `INSERT INTO table (columns)` */
  readonly target: string;
  /** What stands behind SETTINGS, or nothing. */
  readonly settings: string;
  readonly format: string;
  /** Where the statement ends and rows may begin. */
  readonly end: number;
}

/** Takes `INSERT INTO t (c) SETTINGS … FORMAT F` or `… VALUES` apart; undefined for anything else (INSERT … SELECT too). */
export function parseInsert(sql: string): InsertStatement | undefined {
  let targetEnd: number | undefined;
  let settings: { readonly from: number; to: number } | undefined;
  let position = 0;
  let wantsFormat = false;
  for (const token of scan(sql)) {
    const word = token.text.toUpperCase();
    if (position === 0 && word !== "INSERT") return undefined;
    position += 1;
    if (token.depth > 0) continue;
    if (wantsFormat) {
      const target = sql.slice(0, targetEnd);
      return { target, settings: settingsText(sql, settings), format: token.text, end: token.end };
    }
    if (word === "SELECT" || word === "WITH" || word === "FROM") return undefined;
    if (word === "SETTINGS" && settings === undefined && position > 2) {
      targetEnd ??= token.start;
      settings = { from: token.end, to: sql.length };
    }
    if ((word === "FORMAT" || word === "VALUES") && position > 2) {
      targetEnd ??= token.start;
      if (settings !== undefined) settings.to = token.start;
      if (word === "VALUES") {
        const target = sql.slice(0, targetEnd);
        return { target, settings: settingsText(sql, settings), format: "Values", end: token.end };
      }
      wantsFormat = true;
    }
  }
  return undefined;
}

function settingsText(sql: string, range: { from: number; to: number } | undefined): string {
  return range === undefined ? "" : sql.slice(range.from, range.to).trim();
}

import { TomlError, parse } from "smol-toml";
import { parseDay } from "../model/day.ts";
import { ConfigurationError, Failure } from "../model/errors.ts";

/** Parses TOML. @throws ConfigurationError with `code`, naming file, line and column */
export function parseToml(text: string, file: string, code: string): unknown {
  try {
    const document: unknown = parse(text);
    refuseUnrealDays(text, file, code);
    return document;
  } catch (cause) {
    if (!(cause instanceof TomlError)) throw cause;
    // smol-toml appends a picture of the code to its message; the first line says it all.
    const [first = ""] = cause.message.split("\n", 1);
    throw new ConfigurationError(`not TOML: ${first.replace(/^Invalid TOML document: /, "")}`, {
      code,
      subject: `${file}:${cause.line}:${cause.column}`,
      hint: "correct the line; dates stand without quotes, text stands in quotes",
      cause,
    });
  }
}

const quotedOrComment = /"""[\s\S]*?"""|'''[\s\S]*?'''|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|#[^\n]*/g;

/** The parser makes 2017-02-30 the 2nd of March: a date that is none would move a listing or a hole unnoticed. */
function refuseUnrealDays(text: string, file: string, code: string): void {
  const bare = text.replace(quotedOrComment, (part) => part.replace(/[^\n]/g, " "));
  for (const match of bare.matchAll(/\b\d{4}-\d{2}-\d{2}\b/g)) {
    try {
      parseDay(match[0]);
    } catch (cause) {
      if (!(cause instanceof Failure)) throw cause;
      const before = text.slice(0, match.index).split("\n");
      throw new ConfigurationError(`${match[0]} is not a day of the calendar`, {
        code,
        subject: `${file}:${before.length}:${(before.at(-1)?.length ?? 0) + 1}`,
        hint: "correct the date",
        cause,
      });
    }
  }
}

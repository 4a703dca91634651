import { TomlError, parse } from "smol-toml";
import { ConfigurationError } from "../model/errors.ts";

/** Parses TOML. @throws ConfigurationError with `code`, naming file, line and column */
export function parseToml(text: string, file: string, code: string): unknown {
  try {
    return parse(text);
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

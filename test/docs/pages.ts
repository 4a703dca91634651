import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../../lib/config/index.ts";

/** A line of a page that a person may type, or a span of code in its text. */
export interface Snippet {
  readonly text: string;
  /** A whole command line out of a block of shell, not a mention in a sentence. */
  readonly isWhole: boolean;
  /** `docs/symbols.md:12` */
  readonly place: string;
}

export interface Page {
  /** From the project's root. */
  readonly path: string;
  readonly text: string;
  /** The text without its blocks of code. */
  readonly prose: string;
  readonly snippets: readonly Snippet[];
}

/** The pages that people read. */
export function readPages(): Page[] {
  const docs = readdirSync(join(projectRoot, "docs")).filter((file) => file.endsWith(".md"));
  const paths = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", ...docs.sort().map((file) => `docs/${file}`)];
  return paths.filter((path) => existsSync(join(projectRoot, path))).map((path) => parsePage(path, read(path)));
}

export function read(path: string): string {
  return readFileSync(join(projectRoot, path), "utf8");
}

/** Takes a page apart. A shell comment is two blanks and a `#`, or a line that begins with one. */
export function parsePage(path: string, text: string): Page {
  const snippets: Snippet[] = [];
  const prose: string[] = [];
  let fence: string | undefined;
  for (const [i, line] of text.split("\n").entries()) {
    const place = `${path}:${i + 1}`;
    const mark = /^```(\w*)/.exec(line);
    if (mark !== null) {
      fence = fence === undefined ? (mark[1] ?? "") : undefined;
      prose.push("");
      continue;
    }
    if (fence !== undefined) {
      const command = line.replace(/(^|\s{2,})#.*$/, "").trim();
      if (fence === "sh" && command !== "") snippets.push({ text: command, isWhole: true, place });
      prose.push("");
      continue;
    }
    prose.push(line);
    for (const [, code = ""] of line.matchAll(/`([^`]+)`/g)) {
      snippets.push({ text: code.replaceAll("\\|", "|"), isWhole: false, place });
    }
  }
  return { path, text, prose: prose.join("\n"), snippets };
}

/** What GitHub makes of a heading. */
export function anchorsOf(page: Page): Set<string> {
  const headings = [...page.prose.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) => heading);
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, "")
        .replaceAll(" ", "-"),
    ),
  );
}

/** A command line's words as a shell would part them, up to a redirection or a pipe. */
export function wordsOf(commandLine: string): string[] {
  const words = commandLine.split(/\s+/);
  const end = words.findIndex((word) => [">", "|", "&&", "2>"].includes(word));
  return end < 0 ? words : words.slice(0, end);
}

import { findingKinds, allKinds, type KindDefinition } from "../lib/watch/kinds.ts";

/** The part of docs/alerts.md that says of each kind what it means and what to do. */
export function kindSections(): string {
  return allKinds.map((kind) => section(kind, findingKinds[kind])).join("\n");
}

function section(kind: string, { severity, title, meaning, whatToDo, hides, ...hysteresis }: KindDefinition): string {
  const lines = [`### ${kind}`, "", `**${title}** (${severity}). ${meaning}`, "", `What to do: ${whatToDo}`];
  const steps = [
    ...(hysteresis.opensAfter > 1 ? [`It is said when ${hysteresis.opensAfter} looks in a row have found it.`] : []),
    ...(hysteresis.closesAfter > 1
      ? [`It is over when ${hysteresis.closesAfter} looks in a row have not found it.`]
      : []),
    ...(hides === undefined ? [] : [`While it lasts, ${hiddenSentence(hides)} not said.`]),
  ];
  return [...lines, ...(steps.length === 0 ? [] : ["", steps.join(" ")]), ""].join("\n");
}

function hiddenSentence({ kinds, reach }: NonNullable<KindDefinition["hides"]>): string {
  const names = kinds.map((kind) => `[${kind}](#${kind})`).join(", ");
  switch (reach) {
    case "host":
      return `${names} of the same host are`;
    case "market":
      return `${names} of the same market is`;
    case "everywhere":
      return `whatever could not be looked at for it (${names}) is`;
    default:
      return reach satisfies never;
  }
}

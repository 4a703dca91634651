/** Where a process is to be killed: at a point, or some microseconds into it; or some time after its start. */
export type Kill =
  | { readonly kind: "point"; readonly point: number }
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "inside"; readonly point: number; readonly intoUs: number }
  | { readonly kind: "instant"; readonly afterMs: number };

/** As `--at` takes it: `37`, `before insert barkeep.bars` (the first), `37+800` (µs into it), `423ms` (after the start). */
export function formatKill(kill: Kill): string {
  if (kill.kind === "instant") return `${kill.afterMs}ms`;
  if (kill.kind === "name") return kill.name;
  return kill.kind === "point" ? `${kill.point}` : `${kill.point}+${kill.intoUs}`;
}

/** Kills in a row, separated by commas: the first of the run, the next ones of its resumes. */
export function parseKills(text: string): Kill[] {
  return text.split(",").map((one) => {
    const [, number, ms, us] = /^(\d+)(?:(ms)|\+(\d+))?$/.exec(one.trim()) ?? [];
    if (number === undefined) {
      if (/^(before|after) /.test(one)) return { kind: "name", name: one };
      throw new Error(`"${one}" is no kill: give 37, "before insert barkeep.bars", 37+800 or 423ms`);
    }
    if (ms !== undefined) return { kind: "instant", afterMs: Number(number) };
    if (us !== undefined) return { kind: "inside", point: Number(number), intoUs: Number(us) };
    return { kind: "point", point: Number(number) };
  });
}

/** So many of the releases that were current stay, the current one among them. */
const keptReleases = 3;

/** What was current, once a release becomes so. Those that had been gone back from are no way back any more. */
export function historyAfterDeploy(
  history: readonly string[],
  current: string | undefined,
  name: string,
): readonly string[] {
  const at = current === undefined ? -1 : history.indexOf(current);
  const before = at === -1 ? history : history.slice(0, at);
  return [...new Set([...before, ...(current === undefined ? [] : [current])])]
    .filter((one) => one !== name)
    .concat(name);
}

/** The release that was current before this one; undefined where there was none. */
export function releaseBefore(history: readonly string[], current: string): string | undefined {
  const at = history.indexOf(current);
  return at === -1 ? undefined : history[at - 1];
}

/**
 * Releases that may go.
 * @param used undefined where that could not be found out: then none
 */
export function removable(
  unpacked: readonly string[],
  history: readonly string[],
  current: string,
  used: ReadonlySet<string> | undefined,
): readonly string[] {
  if (used === undefined) return [];
  const upToCurrent = history.slice(0, history.indexOf(current) + 1);
  const kept = new Set([...upToCurrent.slice(-keptReleases), current, ...used]);
  return unpacked.filter((name) => !kept.has(name));
}

import type { DeployOutcome, DeployPlan } from "../deploy/deploy.ts";

/** What `deploy --plan` answers. */
export function deployPlanLines(host: string, plan: DeployPlan): string[] {
  const { artifact, current, uploads, switches, units, notes, lacking } = plan;
  const { name, version, files, withEngine } = artifact;
  const what = `release ${name} (${version}, ${files.length} files, ${withEngine ? "with" : "without"} the embedded engine)`;
  const first = switches
    ? `${host}: ${what} would be ${uploads ? "sent and " : ""}tried, then current instead of ${current ?? "none"}`
    : `${host}: ${what} is current already`;
  return [
    first,
    ...(units.length > 0 ? [`units that would be installed: ${units.join(", ")}`] : []),
    ...notes,
    ...lacking.map(({ name, detail }) => `not ready: ${name}: ${detail}`),
  ];
}

/** What `deploy` answers. */
export function deployLines(host: string, { release, before, switched, removed }: DeployOutcome): string[] {
  if (!switched) return [`${host}: release ${release} is current already`];
  return [
    `${host}: release ${release} is current${before === undefined ? "" : `; before it ${before}`}`,
    ...(removed.length > 0 ? [`removed: ${removed.join(", ")}`] : []),
  ];
}

import type { ServiceName } from "../model/services.ts";
import type { DeployOutcome, DeployPlan } from "../deploy/deploy.ts";

/** What `deploy --plan` answers. */
export function deployPlanLines(host: string, plan: DeployPlan, services: readonly ServiceName[]): string[] {
  const { artifact, current, uploads, switches, lacking } = plan;
  const { name, version, files, withEngine } = artifact;
  const engine = `${withEngine ? "with" : "without"} the embedded engine`;
  const what = `release ${name} (${version}, ${files.length} files, ${engine})`;
  const first = switches
    ? `${host}: ${what} would be ${uploads ? "sent and " : ""}tried, then current instead of ${current ?? "none"}`
    : `${host}: ${what} is current already`;
  const after = services.length === 0 ? [] : [`${host}: then its services: ${services.join(", ")}`];
  return [first, ...after, ...lacking.map(({ name, detail }) => `not ready: ${name}: ${detail}`)];
}

/** The same under `--json`. */
export function deployPlanDocument(host: string, plan: DeployPlan): Readonly<Record<string, unknown>> {
  const { artifact, current, uploads, switches, lacking } = plan;
  const { files, ...release } = artifact;
  const about = { host, release: { ...release, files: files.length }, current: current ?? null };
  return { ...about, uploads, switches, lacking, done: false };
}

/** What `deploy` answers. */
export function deployLines(host: string, { release, before, switched, removed }: DeployOutcome): string[] {
  if (!switched) return [`${host}: release ${release} is current already`];
  return [
    `${host}: release ${release} is current${before === undefined ? "" : `; before it ${before}`}`,
    ...(removed.length > 0 ? [`removed: ${removed.join(", ")}`] : []),
  ];
}

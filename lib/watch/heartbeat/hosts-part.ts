import { setTimeout as sleep } from "node:timers/promises";
import { loadFleet, type FleetHost, type Settings } from "../../config/index.ts";
import { openFleetHost, type OpenFleetHost } from "../../fleet/fleet-host.ts";
import { viewHost, type HostView } from "../../fleet/host-view.ts";
import type { Ledger } from "../../ledger/index.ts";
import { Failure, UnavailableError } from "../../model/errors.ts";
import { serviceNames } from "../../model/services.ts";
import { runScript } from "../../queue/runner.ts";
import { shellWord } from "../../queue/shell-words.ts";
import { serviceStatus } from "../../services/status.ts";
import type { Finding, FindingKind } from "../finding.ts";
import { hostFinding } from "../findings.ts";
import type { Examined } from "../look.ts";
import { hostFindings, serviceFindings, type IsWhole } from "./host-findings.ts";
import type { Part, PartLook } from "./part.ts";

/** A host that says nothing for so long does not answer. */
const answerMs = 20_000;

const hostKinds: readonly FindingKind[] = ["group-paused", "job-failed", "job-quarantined", "host-unsound"];

/** Looks at every host of the fleet, its queue, its jobs and its services; at none where there is no fleet file. */
export function hostsPart(
  settings: Pick<Settings, "fleetFile" | "sshConfigFile">,
  ledger: Ledger,
  isWhole: Promise<IsWhole>,
): Part {
  return {
    name: "hosts",
    look: async (signal): Promise<PartLook> => {
      const entries = settings.fleetFile === undefined ? [] : [...loadFleet(settings.fleetFile).hosts.values()];
      const looks = await Promise.all(
        entries.map(async (entry) => lookAtHost(entry, settings.sshConfigFile, ledger, signal)),
      );
      const whole = await isWhole;
      const seen = looks.filter((look) => "view" in look);
      const findings = looks.flatMap((look): Finding[] =>
        "view" in look
          ? [...hostFindings(look.view, look.freeBytes, whole, ledger.clock.wallMs()), ...(look.ofServices ?? [])]
          : [look.finding],
      );
      const silent = looks.flatMap((look) => ("view" in look ? [] : [look.entry]));
      const unasked = seen.filter(({ ofServices }) => ofServices === undefined).map(({ view }) => view.entry);
      const jobs = seen.reduce((sum, { view }) => sum + view.jobs.length, 0);
      return {
        findings,
        examined: [
          { kinds: ["host-unreachable"], subjects: "all" },
          // Those of this machine's own attempts name no host.
          ofHosts([...hostKinds, "store-write-failed"], silent),
          ofHosts(["service-failed"], [...silent, ...unasked]),
        ],
        note: entries.length === 0 ? "no fleet" : `${seen.length} of ${entries.length} hosts, ${jobs} jobs`,
      };
    },
  };
}

/** Of a host that is no longer in the fleet nobody waits to hear; of one that did not answer nothing is known. */
function ofHosts(kinds: Examined["kinds"], unseen: readonly FleetHost[]): Examined {
  const names = new Set(unseen.map(({ name }) => name));
  return { kinds, subjects: "all", wouldSee: ({ evidence: { host } }) => host !== undefined && !names.has(host) };
}

type HostLook =
  | {
      readonly view: HostView;
      readonly freeBytes: number | undefined;
      /** Undefined where they could not be looked at, and nobody waits for an answer. */
      readonly ofServices: readonly Finding[] | undefined;
    }
  | { readonly entry: FleetHost; readonly finding: Finding };

async function lookAtHost(
  entry: FleetHost,
  sshConfigFile: string | undefined,
  ledger: Ledger,
  signal: AbortSignal,
): Promise<HostLook> {
  try {
    await using open = openFleetHost(entry, sshConfigFile, 1);
    const looking = Promise.all([viewHost(open, ledger), freeBytesOf(open), lookAtServices(open)]);
    // It goes on behind the time limit, and fails when the host is closed: nobody waits for it then.
    looking.catch(() => undefined);
    const late = sleep(answerMs, undefined, { signal, ref: false }).then(() => {
      throw noAnswer(entry);
    });
    const [view, freeBytes, ofServices] = await Promise.race([looking, late]);
    return { view, freeBytes, ofServices };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return { entry, finding: hostFinding({ host: entry.name, failure: error }) };
  }
}

/** Those that are installed there, and those that the fleet file names. Where it names none, nobody waits for an answer. */
async function lookAtServices({ host, entry }: OpenFleetHost): Promise<Finding[] | undefined> {
  // Of this machine's heartbeat it is known that it runs.
  const names = serviceNames.filter((name) => name !== "heartbeat" || entry.sshAlias !== undefined);
  try {
    return serviceFindings(entry, await serviceStatus(host, entry, names));
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    if (entry.services.length === 0) return undefined;
    const { message: summary, code } = error;
    const evidence = { host: entry.name, code };
    return [{ kind: "service-failed", subject: `host:${entry.name}`, verdict: "unknown", summary, evidence }];
  }
}

async function freeBytesOf({ host, entry }: OpenFleetHost): Promise<number | undefined> {
  const { stdout } = await runScript(host, `df -Pk ${shellWord(entry.directory)} 2>/dev/null | tail -n 1`);
  const [, , , available] = stdout.trim().split(/\s+/);
  const kilobytes = Number(available ?? Number.NaN);
  return Number.isFinite(kilobytes) ? kilobytes * 1024 : undefined;
}

function noAnswer({ name }: FleetHost): UnavailableError {
  return new UnavailableError(`it did not answer within ${answerMs / 1000} s`, {
    code: "HOST_SILENT",
    subject: name,
    hint: `barkeep doctor --host ${name}`,
  });
}

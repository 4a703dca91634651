import type { Incident, Message, Outcome } from "../ledger/index.ts";
import { release } from "../model/release.ts";
import { repeatNote, type Channel } from "./channel.ts";
import { outcomeOfThrow } from "./failures.ts";
import { incidentRecord } from "./incident-record.ts";

const answerMs = 10_000;
const documentVersion = 1;
/** Characters of incidents that a body has at most: servers take so much, and many take no megabyte. */
const incidentsLongest = 60_000;
/** The server has read the message and will not have it; other messages are no affair of that. */
const refusals: ReadonlySet<number> = new Set([400, 413, 422]);

/** Where incidents are found. */
export interface IncidentSource {
  byId(id: number): Incident | undefined;
}

/** What is posted: docs/schema/webhook.json. */
export function webhookBody(incidents: IncidentSource, message: Message, mayRepeat: boolean): object {
  const all = message.incidents.flatMap((id) => incidents.byId(id) ?? []);
  const shown = worstThatFit(all);
  return {
    version: documentVersion,
    release,
    message: message.id,
    kind: message.kind,
    severity: message.severity,
    created_at: new Date(message.createdMs).toISOString(),
    may_repeat: mayRepeat,
    text: mayRepeat ? `${repeatNote}\n${message.text}` : message.text,
    incidents: shown,
    more_incidents: all.length - shown.length,
  };
}

/** The worst first, as many as a body has room for. */
function worstThatFit(incidents: readonly Incident[]): object[] {
  const records = incidents.toSorted((a, b) => rank(a) - rank(b) || a.id - b.id).map(incidentRecord);
  let length = 0;
  const tooMany = records.findIndex((record) => (length += JSON.stringify(record).length) > incidentsLongest);
  return tooMany < 0 ? records : records.slice(0, tooMany);
}

function rank({ severity }: Incident): number {
  return ["critical", "warning", "info"].indexOf(severity);
}

/** Posts each message to one address; the green heartbeat is none of its messages. */
export class Webhook implements Channel {
  readonly name = "webhook";
  readonly #url: string;
  readonly #incidents: IncidentSource;

  constructor(url: string, incidents: IncidentSource) {
    this.#url = url;
    this.#incidents = incidents;
  }

  takes({ kind }: Message): boolean {
    return kind !== "green" && kind !== "answer";
  }

  async send(message: Message, mayRepeat: boolean): Promise<Outcome> {
    try {
      const response = await fetch(this.#url, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          "idempotency-key": `barkeep-${message.id}-${message.createdMs}`,
        },
        body: JSON.stringify(webhookBody(this.#incidents, message, mayRepeat)),
        signal: AbortSignal.timeout(answerMs),
        redirect: "error",
      });
      await response.arrayBuffer();
      if (response.ok) return { result: "sent" };
      const reason = `the webhook answers ${response.status}`;
      if (refusals.has(response.status)) return { result: "failed", reason, isOfMessage: true };
      const seconds = Number(response.headers.get("retry-after") ?? Number.NaN);
      if (Number.isFinite(seconds)) return { result: "failed", reason, retryAfterMs: seconds * 1000 };
      return { result: "failed", reason };
    } catch (error) {
      return outcomeOfThrow(error, [this.#url]);
    }
  }
}

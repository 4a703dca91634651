import type { Incident, Message, Outcome } from "../ledger/index.ts";
import { release } from "../model/release.ts";
import { repeatNote, type Channel } from "./channel.ts";
import { outcomeOfThrow } from "./failures.ts";
import { incidentRecord } from "./incident-record.ts";

const answerMs = 10_000;
const documentVersion = 1;

/** Where incidents are found. */
export interface IncidentSource {
  byId(id: number): Incident | undefined;
}

/** What is posted: docs/schema/webhook.json. */
export function webhookBody(incidents: IncidentSource, message: Message, mayRepeat: boolean): object {
  return {
    version: documentVersion,
    release,
    message: message.id,
    kind: message.kind,
    severity: message.severity,
    created_at: new Date(message.createdMs).toISOString(),
    may_repeat: mayRepeat,
    text: mayRepeat ? `${repeatNote}\n${message.text}` : message.text,
    incidents: message.incidents.flatMap((id) => incidents.byId(id) ?? []).map(incidentRecord),
  };
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
      const seconds = Number(response.headers.get("retry-after") ?? Number.NaN);
      if (Number.isFinite(seconds)) return { result: "failed", reason, retryAfterMs: seconds * 1000 };
      return { result: "failed", reason };
    } catch (error) {
      return outcomeOfThrow(error, [this.#url]);
    }
  }
}

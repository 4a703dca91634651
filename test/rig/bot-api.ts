import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { freePort } from "./ports.ts";

/** What a request meets instead of an answer, once. */
export type BotFault =
  | { readonly kind: "too-many"; readonly retryAfter: number }
  /** The server's own 500, with its envelope. */
  | { readonly kind: "error" }
  /** The bot is no member of the chat. */
  | { readonly kind: "forbidden" }
  /** A proxy's page: nobody knows what became of it. */
  | { readonly kind: "bad-gateway" }
  /** It is done, and the connection breaks before the answer. */
  | { readonly kind: "lost-answer" }
  /** It is done, and the answer waits for {@link BotApi.release}. */
  | { readonly kind: "held-answer" }
  /** The group is a supergroup now. */
  | { readonly kind: "migrated"; readonly to: number };

interface Button {
  readonly text: string;
  readonly callback_data: string;
}

/** A message as those in the chat see it. */
export interface SeenMessage {
  readonly id: number;
  readonly chat: string;
  /** Without markup. */
  readonly text: string;
  readonly isSilent: boolean;
  readonly buttons: readonly Button[];
  isDeleted: boolean;
}

const sendParameters = z.object({
  chat_id: z.string(),
  text: z.string(),
  parse_mode: z.enum(["HTML"]).optional(),
  disable_notification: z.string().optional(),
  reply_markup: z.string().optional(),
});
const keyboard = z.object({
  inline_keyboard: z.array(z.array(z.object({ text: z.string(), callback_data: z.string() }))),
});

/** An answer of `{ok: false}`. */
class Refusal extends Error {
  readonly code: number;
  readonly parameters: object;

  constructor(code: number, description: string, parameters: object = {}) {
    super(description);
    this.code = code;
    this.parameters = parameters;
  }
}

/** A Bot API server of one bot with one chat, on loopback, with the faults of the real one. */
export class BotApi implements AsyncDisposable {
  readonly token = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw";
  chat = "-1001234567890";
  readonly messages: SeenMessage[] = [];
  /** What those who pressed buttons were told. */
  readonly answers: string[] = [];
  /** Of each method, in order; a fault is met once. */
  readonly faults = new Map<string, BotFault[]>();
  readonly requests: string[] = [];
  /** Gives updates again that were confirmed, as a server does that has lost its memory. */
  repeatsUpdates = false;
  #server: Server | undefined;
  #port = 0;
  #updates: { update_id: number }[] = [];
  #nextUpdate = 7001;
  #waiting: (() => void) | undefined;
  #held: (() => void)[] = [];

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** The settings that lead here. */
  get env(): Record<string, string> {
    return {
      BARKEEP_NOTIFY: "telegram",
      RANGEBAR_TELEGRAM_TOKEN: this.token,
      RANGEBAR_TELEGRAM_CHAT_ID: this.chat,
      RANGEBAR_TELEGRAM_API: this.url,
    };
  }

  /** Starts it; again on the same port after {@link goOffline}. */
  async start(): Promise<this> {
    if (this.#port === 0) this.#port = await freePort();
    this.#server = createServer((request, response) => void this.#answer(request, response));
    this.#server.listen(this.#port, "127.0.0.1");
    await once(this.#server, "listening");
    return this;
  }

  /** Refuses connections from now on. */
  async goOffline(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    this.release();
    const closed = once(server, "close");
    server.close();
    server.closeAllConnections();
    await closed;
  }

  fail(method: string, ...faults: readonly BotFault[]): void {
    this.faults.set(method, [...(this.faults.get(method) ?? []), ...faults]);
  }

  /** What stands in the chat. */
  get shown(): SeenMessage[] {
    return this.messages.filter(({ isDeleted }) => !isDeleted);
  }

  /**
   * Somebody presses a button.
   * @param other another chat, or the number of an update that there was already
   */
  press(message: SeenMessage, label: string, other: { chat?: string; updateId?: number } = {}): void {
    const data = message.buttons.find(({ text }) => text === label)?.callback_data;
    if (data === undefined) throw new Error(`no button "${label}" under: ${message.text}`);
    this.pressData(data, other);
  }

  pressData(
    data: string,
    { chat = this.chat, updateId = this.#nextUpdate }: { chat?: string; updateId?: number } = {},
  ): void {
    this.#nextUpdate = Math.max(this.#nextUpdate, updateId + 1);
    this.#updates.push({
      update_id: updateId,
      callback_query: {
        id: `query-${updateId}`,
        from: { id: 42, is_bot: false, first_name: "Op", username: "operator" },
        message: { message_id: 1, date: 0, chat: { id: Number(chat), type: "supergroup" } },
        chat_instance: "1",
        data,
      },
    } as { update_id: number });
    this.#waiting?.();
  }

  /** Waits until so many messages were sent. */
  async until(count: number): Promise<void> {
    while (this.messages.length < count) await delay(10);
  }

  /** Lets held answers go. */
  release(): void {
    for (const go of this.#held.splice(0)) go();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.goOffline();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parameters: Record<string, string> = Object.fromEntries(new URLSearchParams(await text(request)));
    const [, token, method = ""] = /^\/bot([^/]+)\/(\w+)$/.exec(request.url ?? "") ?? [];
    this.requests.push(method);
    // A connection that is kept would break in the middle of a later request where the server goes offline.
    response.setHeader("connection", "close");
    const reply = (code: number, body: object): void => {
      response.writeHead(code, { "content-type": "application/json" }).end(JSON.stringify(body));
    };
    try {
      if (token !== this.token) throw new Refusal(401, "Unauthorized");
      const fault = this.faults.get(method)?.shift();
      if (fault?.kind === "too-many") {
        throw new Refusal(429, `Too Many Requests: retry after ${fault.retryAfter}`, { retry_after: fault.retryAfter });
      }
      if (fault?.kind === "error") throw new Refusal(500, "Internal Server Error");
      if (fault?.kind === "forbidden") throw new Refusal(403, "Forbidden: bot was kicked from the supergroup chat");
      if (fault?.kind === "migrated") {
        this.chat = String(fault.to);
        const why = "Bad Request: group chat was upgraded to a supergroup chat";
        throw new Refusal(400, why, { migrate_to_chat_id: fault.to });
      }
      if (fault?.kind === "bad-gateway") {
        response.writeHead(502, { "content-type": "text/html" }).end("<html>502 Bad Gateway</html>");
        return;
      }
      const result = await this.#carryOut(method, parameters, request);
      if (fault?.kind === "lost-answer") {
        request.socket.destroy();
        return;
      }
      if (fault?.kind === "held-answer") await new Promise<void>((go) => this.#held.push(go));
      reply(200, { ok: true, result });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const { code, message, parameters: more } = error;
      reply(code, { ok: false, error_code: code, description: message, parameters: more });
    }
  }

  async #carryOut(method: string, parameters: Record<string, string>, request: IncomingMessage): Promise<unknown> {
    switch (method) {
      case "getMe":
        return { id: 110201543, is_bot: true, first_name: "barkeep", username: "barkeep_bot" };
      case "sendMessage":
        return this.#send(sendParameters.parse(parameters));
      case "deleteMessage":
        return this.#delete(parameters["chat_id"], Number(parameters["message_id"]));
      case "answerCallbackQuery":
        this.answers.push(parameters["text"] ?? "");
        return true;
      case "getUpdates":
        return this.#getUpdates(parameters["offset"], Number(parameters["timeout"] ?? 0), request);
      default:
        throw new Refusal(404, "Not Found: method not found");
    }
  }

  #send(parameters: z.infer<typeof sendParameters>): object {
    if (parameters.chat_id !== this.chat) throw new Refusal(400, "Bad Request: chat not found");
    const text = parameters.parse_mode === "HTML" ? plainOf(parameters.text) : parameters.text;
    if (text.trim() === "") throw new Refusal(400, "Bad Request: message text is empty");
    if (text.length > 4096) throw new Refusal(400, "Bad Request: message is too long");
    const buttons =
      parameters.reply_markup === undefined
        ? []
        : keyboard.parse(JSON.parse(parameters.reply_markup)).inline_keyboard.flat();
    if (buttons.some(({ callback_data: data }) => Buffer.byteLength(data) > 64)) {
      throw new Refusal(400, "Bad Request: BUTTON_DATA_INVALID");
    }
    const id = this.messages.length + 1;
    const isSilent = parameters.disable_notification === "true";
    this.messages.push({ id, chat: parameters.chat_id, text, isSilent, buttons, isDeleted: false });
    const chat = { id: Number(parameters.chat_id), type: "supergroup" };
    return { message_id: id, date: Math.floor(Date.now() / 1000), chat, text };
  }

  #delete(chat: string | undefined, id: number): boolean {
    const message = this.messages.find((one) => one.id === id && one.chat === chat && !one.isDeleted);
    if (message === undefined) throw new Refusal(400, "Bad Request: message to delete not found");
    message.isDeleted = true;
    return true;
  }

  async #getUpdates(offset: string | undefined, waitSeconds: number, request: IncomingMessage): Promise<object[]> {
    const pending = (): object[] =>
      this.#updates.filter(({ update_id: id }) => this.repeatsUpdates || id >= Number(offset ?? 0));
    if (pending().length === 0 && waitSeconds > 0) {
      const came = new Promise<void>((resolve) => (this.#waiting = resolve));
      // A client that is gone, however it went, waits for nothing.
      const left = once(request.socket, "close").catch(() => undefined);
      await Promise.race([came, left, delay(waitSeconds * 1000, undefined, { ref: false })]);
      this.#waiting = undefined;
    }
    const given = pending();
    // An offset confirms all before it.
    if (!this.repeatsUpdates) this.#updates = this.#updates.filter(({ update_id: id }) => id >= Number(offset ?? 0));
    return given;
  }
}

/** What is shown of HTML as the Bot API reads it. @throws Refusal for what it does not take */
function plainOf(html: string): string {
  const bare = html.replace(/<(\/?)(b|i|code|pre)>/g, "");
  const bad = /<(\S*)/.exec(bare);
  if (bad !== null) {
    throw new Refusal(
      400,
      `Bad Request: can't parse entities: Unsupported start tag "${bad[1]}" at byte offset ${bad.index}`,
    );
  }
  return bare.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&quot;", '"').replaceAll("&amp;", "&");
}

import { Api, TelegramApiError, type Update } from "node-telegram-bot-api";
import type { ChannelState, Message, Outcome } from "../ledger/index.ts";
import { keyboardOf } from "./buttons.ts";
import type { Channel } from "./channel.ts";
import { outcomeOfThrow, redact } from "./failures.ts";
import { telegramHtml } from "./telegram-text.ts";

const answerMs = 10_000;

/** The bot, and the one chat that it talks to. */
export interface TelegramSettings {
  readonly token: string;
  readonly chat: string;
  readonly apiRoot: string;
}

/** Where it is kept that a chat has moved. */
export interface ChatMoves {
  channel(name: string): Pick<ChannelState, "movedTo">;
  move(name: string, to: string): void;
}

/**
 * What became of a message that was to be deleted: it is not there, or will never be deleted; it is of a chat that the bot has no
 * right to; nobody deletes anything now.
 */
export type Deletion = "gone" | "refused" | "away";

/** Telegram by its Bot API. */
export class Telegram implements Channel {
  readonly name = "telegram";
  readonly #api: Api;
  readonly #settings: TelegramSettings;
  readonly #moves: ChatMoves;

  constructor(settings: TelegramSettings, moves: ChatMoves) {
    this.#settings = settings;
    this.#moves = moves;
    // A second try would be a second message where the first one's answer was lost: the outbox knows of that, the library does not.
    this.#api = new Api(settings.token, { apiRoot: settings.apiRoot, maxRetries: 0, timeoutMs: answerMs });
  }

  takes(): boolean {
    return true;
  }

  async send(message: Message, mayRepeat: boolean): Promise<Outcome> {
    const chat = this.#chat;
    try {
      const sent = await this.#api.sendMessage({
        chat_id: chat,
        text: telegramHtml(message, mayRepeat),
        parse_mode: "HTML",
        disable_notification: message.severity === "info",
        link_preview_options: { is_disabled: true },
        ...keyboardOf(message),
      });
      return { result: "sent", messageId: `${sent.chat.id} ${sent.message_id}` };
    } catch (error) {
      if (!(error instanceof TelegramApiError)) return outcomeOfThrow(error, [this.#settings.token]);
      if (error.migrateToChatId !== undefined && this.#chat === chat) {
        this.#moves.move(this.name, `${this.#settings.chat} ${error.migrateToChatId}`);
        return this.send(message, mayRepeat);
      }
      return this.#refusal(error);
    }
  }

  /** Deletes a message. @returns what became of it; never throws */
  async delete(messageId: string): Promise<Deletion> {
    const [chat = "", id] = messageId.split(" ");
    try {
      await this.#api.deleteMessage({ chat_id: chat, message_id: Number(id) });
      return "gone";
    } catch (error) {
      if (!(error instanceof TelegramApiError)) return "away";
      // Gone already, or too old to be deleted: it will not be another time.
      if (error.errorCode === 400) return "gone";
      return error.errorCode === 403 ? "refused" : "away";
    }
  }

  /**
   * What people did since, oldest first; waits for it so many seconds where there is nothing.
   * @throws what the library throws, for {@link describe}
   */
  async updates(offset: number | undefined, waitSeconds: number, signal: AbortSignal): Promise<readonly Update[]> {
    return this.#api.getUpdates(
      { ...(offset === undefined ? {} : { offset }), timeout: waitSeconds, allowed_updates: ["callback_query"] },
      signal,
    );
  }

  /**
   * What is shown to who has pressed a button. Its effect is kept already, and the API takes an answer for some seconds only: one
   * that cannot be delivered is lost, whatever the reason.
   */
  async answer(callbackId: string, text: string): Promise<void> {
    await this.#api.answerCallbackQuery({ callback_query_id: callbackId, text }).catch(() => undefined);
  }

  /** Is it the chat that the settings name? */
  isOurs(chat: { readonly id: number; readonly username?: string }): boolean {
    return String(chat.id) === this.#chat || (chat.username !== undefined && `@${chat.username}` === this.#chat);
  }

  /** An error of the library without the token. */
  describe(error: unknown): string {
    const outcome =
      error instanceof TelegramApiError ? this.#refusal(error) : outcomeOfThrow(error, [this.#settings.token]);
    return outcome.result === "sent" ? "" : outcome.reason;
  }

  /** A group that became a supergroup has another number since. */
  get #chat(): string {
    const [from, to] = this.#moves.channel(this.name).movedTo?.split(" ") ?? [];
    return from === this.#settings.chat && to !== undefined ? to : this.#settings.chat;
  }

  #refusal(error: TelegramApiError): Outcome {
    const reason = redact(`${error.errorCode} ${error.description}`, [this.#settings.token]);
    if (error.retryAfter !== undefined) return { result: "failed", reason, retryAfterMs: error.retryAfter * 1000 };
    const isOfMessage = error.errorCode === 400 && !/chat|peer|bot|right/i.test(error.description);
    return isOfMessage ? { result: "failed", reason, isOfMessage } : { result: "failed", reason };
  }
}

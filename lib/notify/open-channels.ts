import type { ChannelName, ProcessEnvironment, Settings } from "../config/index.ts";
import { ConfigurationError, RefusedError } from "../model/errors.ts";
import type { Channel } from "./channel.ts";
import { ConsoleChannel } from "./console.ts";
import { Ping } from "./ping.ts";
import { Telegram, type ChatMoves } from "./telegram.ts";
import { Webhook, type IncidentSource } from "./webhook.ts";

/** What of the settings says how messages leave. */
export type NotifySettings = Pick<
  Settings,
  "notify" | "telegramToken" | "telegramChat" | "telegramApi" | "webhookUrl" | "pingUrl"
>;

/** What channels want of a ledger. */
export interface ChannelKeeper {
  readonly deliveries: ChatMoves;
  readonly incidents: IncidentSource;
}

/** The ways out that this machine's settings open. */
export interface OpenChannels {
  /** For messages. */
  readonly channels: readonly Channel[];
  /** For buttons and deletions. */
  readonly telegram: Telegram | undefined;
  readonly ping: Ping | undefined;
}

/**
 * Opens what BARKEEP_NOTIFY names; nothing where it is off.
 * @param print for the console channel
 * @param pingRun which run the dead-man's switch is told of; a new one unless named
 * @throws ConfigurationError NOTIFY_INCOMPLETE where a channel's settings are missing; RefusedError NOTIFY_IN_TEST
 */
export function openChannels(
  settings: NotifySettings,
  env: ProcessEnvironment,
  keeper: ChannelKeeper,
  print: (line: string) => void,
  pingRun?: string,
): OpenChannels {
  const isOn = (name: ChannelName): boolean => settings.notify.includes(name);
  const channels: Channel[] = [];
  let telegram: Telegram | undefined;
  if (isOn("telegram")) {
    const token = wanted(settings.telegramToken, "telegram", "RANGEBAR_TELEGRAM_TOKEN");
    const chat = wanted(settings.telegramChat, "telegram", "RANGEBAR_TELEGRAM_CHAT_ID");
    refuseInTest(settings.telegramApi, env);
    telegram = new Telegram({ token, chat, apiRoot: settings.telegramApi }, keeper.deliveries);
    channels.push(telegram);
  }
  if (isOn("webhook")) {
    const url = wanted(settings.webhookUrl, "webhook", "BARKEEP_WEBHOOK_URL");
    refuseInTest(url, env);
    channels.push(new Webhook(url, keeper.incidents));
  }
  if (isOn("console")) channels.push(new ConsoleChannel(print));
  let ping: Ping | undefined;
  if (isOn("ping")) {
    const url = wanted(settings.pingUrl, "ping", "BARKEEP_PING_URL");
    refuseInTest(url, env);
    ping = new Ping(url, pingRun);
  }
  return { channels, telegram, ping };
}

/**
 * For commands that send at their end: settings that are wrong are told before they begin.
 * @throws as {@link openChannels}
 */
export function checkChannels(settings: NotifySettings, env: ProcessEnvironment): void {
  openChannels(settings, env, noLedger, () => undefined);
}

/** Stands in for the ledger where there is none. */
export const noLedger: ChannelKeeper = {
  deliveries: { channel: () => ({ movedTo: undefined }), move: () => undefined },
  incidents: { byId: () => undefined },
};

/**
 * For commands that are there to send.
 * @throws RefusedError NOTIFY_OFF
 */
export function refuseWhereOff({ notify }: Pick<Settings, "notify">): void {
  if (notify.length > 0) return;
  throw new RefusedError("sending is switched off on this machine", {
    code: "NOTIFY_OFF",
    subject: "BARKEEP_NOTIFY",
    hint: "on the machine that is to send, set BARKEEP_NOTIFY=telegram (or telegram,webhook,ping) in .mise.local.toml",
  });
}

function wanted(value: string | undefined, channel: ChannelName, name: string): string {
  if (value !== undefined) return value;
  throw new ConfigurationError(`BARKEEP_NOTIFY names ${channel}, and ${name} is not set`, {
    code: "NOTIFY_INCOMPLETE",
    subject: name,
    hint: `set ${name}, in .mise.local.toml or the environment, or take ${channel} out of BARKEEP_NOTIFY`,
  });
}

/** Programs that a test starts inherit what the machine's settings say, and must not reach people by it. */
function refuseInTest(url: string, env: ProcessEnvironment): void {
  if (env["NODE_TEST_CONTEXT"] === undefined) return;
  const { hostname } = new URL(url);
  if (["127.0.0.1", "[::1]", "localhost"].includes(hostname)) return;
  throw new RefusedError(`a test must not send to ${hostname}`, {
    code: "NOTIFY_IN_TEST",
    subject: hostname,
    hint: "unset BARKEEP_NOTIFY; tests send to test/rig/bot-api.ts",
  });
}

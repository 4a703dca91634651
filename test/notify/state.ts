import { join } from "node:path";
import { openLedger, type Ledger } from "../../lib/ledger/index.ts";
import type { Channel } from "../../lib/notify/channel.ts";
import { deliver, type DeliveryReport } from "../../lib/notify/deliver.ts";
import { Telegram } from "../../lib/notify/telegram.ts";
import type { Finding } from "../../lib/watch/finding.ts";
import { recordLook } from "../../lib/watch/record-look.ts";
import { temporaryFolder } from "../ops/run.ts";
import type { BotApi } from "../rig/bot-api.ts";
import { HandMovedClock } from "../rig/ledger-clock.ts";

/** A ledger with hands on its clock, and a bot on loopback. */
export class NotifyState implements Disposable {
  readonly clock = new HandMovedClock();
  readonly state = join(temporaryFolder("notify"), "state");
  readonly ledger: Ledger = openLedger(this.state, { clock: this.clock });
  readonly telegram: Telegram;

  constructor(bot: BotApi) {
    this.telegram = new Telegram({ token: bot.token, chat: bot.chat, apiRoot: bot.url }, this.ledger.deliveries);
  }

  /** Makes an incident, and the message that tells of it. */
  open(summary = "ids 5 … 9 are missing", place = "2024-03-01"): void {
    const hole: Finding = {
      kind: "gap-interior",
      subject: "range:binance/spot/BTCUSDT@250",
      place,
      verdict: "wrong",
      summary,
      evidence: {},
    };
    recordLook(this.ledger, { source: "test", findings: [hole], examined: [] });
  }

  async deliver(channels: readonly Channel[] = [this.telegram]): Promise<DeliveryReport> {
    return deliver(this.ledger, channels, new AbortController().signal);
  }

  [Symbol.dispose](): void {
    this.ledger.close();
  }
}

/** One setting: where it may come from and what holds when nobody says. */
export interface SettingDefinition {
  readonly flag?: string;
  /** The name in the environment and in the settings file. */
  readonly env: string;
  /** An older or more common name, read where `env` has no value in the same layer. */
  readonly also?: string;
  readonly default?: string;
  readonly secret?: true;
  readonly describe: string;
}

/** Every setting. The common flags of all verbs, `barkeep config` and docs read this table. */
export const settingDefinitions = {
  stateDirectory: {
    flag: "state",
    env: "BARKEEP_STATE",
    default: "./.barkeep",
    describe: "state directory: embedded store, archive mirror, ledger, owner file",
  },
  symbolsFile: {
    flag: "symbols",
    env: "BARKEEP_SYMBOLS",
    describe: "symbol registry (default: the project's symbols.toml)",
  },
  fleetFile: {
    flag: "fleet",
    env: "BARKEEP_FLEET",
    describe: "machines on which work may run (default: fleet.toml beside the symbol registry, where there is one)",
  },
  sshConfigFile: {
    flag: "ssh-config",
    env: "BARKEEP_SSH_CONFIG",
    describe: "SSH configuration (default: the user's and the system's)",
  },
  archive: {
    flag: "archive",
    env: "BARKEEP_ARCHIVE",
    describe: "archive of daily trades: a directory or an http(s) URL",
  },
  market: {
    flag: "market",
    env: "BARKEEP_MARKET",
    describe: "spot, futures-um or futures-cm; wins over the registry's market",
  },
  json: { flag: "json", env: "BARKEEP_JSON", default: "false", describe: "one JSON document on stdout" },
  storeUrl: {
    env: "CLICKHOUSE_URL",
    describe:
      "ClickHouse server (or CLICKHOUSE_HOST and CLICKHOUSE_PORT); unset means the embedded engine in the state directory",
  },
  storeUser: { env: "CLICKHOUSE_USER", describe: "user at the ClickHouse server" },
  storePassword: { env: "CLICKHOUSE_PASSWORD", secret: true, describe: "password at the ClickHouse server" },
  storeMode: {
    env: "RANGEBAR_MODE",
    default: "auto",
    describe:
      "where a server is looked for: local, remote (the hosts below), cloud (CLICKHOUSE_HOST), auto (all of these)",
  },
  storeHosts: {
    env: "RANGEBAR_CH_HOSTS",
    describe: "SSH aliases of hosts with a ClickHouse server, parted by commas, in the order they are tried",
  },
  storePrimary: { env: "RANGEBAR_CH_PRIMARY", describe: "the SSH alias that is tried first" },
  segmentation: {
    env: "RANGEBAR_OUROBOROS_MODE",
    default: "year",
    describe: "reset of a series that has no bars yet: year, month or week",
  },
  symbolGate: {
    env: "RANGEBAR_SYMBOL_GATE",
    default: "strict",
    describe: "symbols that the registry lacks or disables: strict refuses, warn says so, off says nothing",
  },
  undoDays: {
    env: "BARKEEP_UNDO_DAYS",
    default: "7",
    describe: "how many days gc leaves a build alone after another one took its place, so that undo can bring it back",
  },
  notify: {
    env: "BARKEEP_NOTIFY",
    default: "off",
    describe:
      "what may be sent from this machine: telegram, webhook, console, ping, parted by commas; off sends nothing, and messages wait",
  },
  telegramToken: {
    env: "RANGEBAR_TELEGRAM_TOKEN",
    also: "TELEGRAM_BOT_TOKEN",
    secret: true,
    describe: "the Telegram bot's token",
  },
  telegramChat: {
    env: "RANGEBAR_TELEGRAM_CHAT_ID",
    also: "TELEGRAM_CHAT_ID",
    describe: "the Telegram chat that messages go to, and whose buttons are obeyed: a number or @name",
  },
  telegramApi: {
    env: "RANGEBAR_TELEGRAM_API",
    default: "https://api.telegram.org",
    describe: "the Bot API server; another one where you run your own",
  },
  webhookUrl: {
    env: "BARKEEP_WEBHOOK_URL",
    secret: true,
    describe: "where each message is posted as JSON (docs/alerts.md)",
  },
  pingUrl: {
    env: "BARKEEP_PING_URL",
    secret: true,
    describe: "the dead-man's switch that the heartbeat pings: URL/start, URL, URL/fail, as healthchecks has them",
  },
  autoscaleCpuCeiling: {
    env: "AUTOSCALE_CPU_CEILING",
    default: "80",
    describe:
      "autoscale, on a host without pressure information: load average in percent of its cores above which one job less of each group runs",
  },
  autoscaleMemCeiling: {
    env: "AUTOSCALE_MEM_CEILING",
    default: "80",
    describe: "the same for memory in use, percent",
  },
  autoscaleCpuFloor: {
    env: "AUTOSCALE_CPU_FLOOR",
    default: "40",
    describe: "the same: below both floors one job more of each group runs",
  },
  autoscaleMemFloor: { env: "AUTOSCALE_MEM_FLOOR", default: "60", describe: "the same for memory in use, percent" },
  autoscaleGroupMax: {
    env: "AUTOSCALE_GROUP_MAX",
    default: "p1=8,p2=6,p3=10,px=4",
    describe:
      "the same: the most that each group runs at once; where there is pressure information only jobs_max bounds",
  },
  cryptoFloor: { env: "RANGEBAR_CRYPTO_MIN_THRESHOLD", default: "250", describe: "least threshold of crypto, dbps" },
  forexFloor: { env: "RANGEBAR_FOREX_MIN_THRESHOLD", default: "50", describe: "least threshold of forex, dbps" },
  equitiesFloor: {
    env: "RANGEBAR_EQUITIES_MIN_THRESHOLD",
    default: "100",
    describe: "least threshold of equities, dbps",
  },
  unknownFloor: {
    env: "RANGEBAR_UNKNOWN_MIN_THRESHOLD",
    default: "1",
    describe: "least threshold of symbols that the registry lacks, dbps",
  },
} as const satisfies Readonly<Record<string, SettingDefinition>>;

export type SettingName = keyof typeof settingDefinitions;

/** Their names, in the table's order. */
export const settingNames = Object.keys(settingDefinitions).filter(isSettingName);

function isSettingName(name: string): name is SettingName {
  return Object.hasOwn(settingDefinitions, name);
}

/** The definition with its optional fields, for code that treats every setting alike. */
export function settingDefinition(name: SettingName): SettingDefinition {
  return settingDefinitions[name];
}

/** Per-symbol floors are one setting per symbol: this and the symbol's name. */
export const symbolFloorPrefix = "RANGEBAR_MIN_THRESHOLD_";

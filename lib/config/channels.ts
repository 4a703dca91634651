import { ConfigurationError } from "../model/errors.ts";
import { describeSource, type SettingText } from "./setting-source.ts";

export const channelNames = ["telegram", "webhook", "console", "ping"] as const;
/** Ways out of this machine for what it has to say. */
export type ChannelName = (typeof channelNames)[number];

/** `off`, or names parted by commas. @throws ConfigurationError BAD_SETTING */
export function readChannels(found: SettingText | undefined): readonly ChannelName[] {
  if (found === undefined || found.text === "off") return [];
  const words = found.text.split(",").map((word) => word.trim());
  return words.map((word) => {
    const name = channelNames.find((one) => one === word);
    if (name !== undefined) return name;
    throw new ConfigurationError(`"${word}" is not one of ${channelNames.join(", ")}`, {
      code: "BAD_SETTING",
      subject: describeSource(found.source),
      hint: `set it to off, or to some of ${channelNames.join(", ")}, parted by commas`,
    });
  });
}

import { ConfigurationError } from "../model/errors.ts";
import { isWorkGroup, workGroups } from "../model/groups.ts";

/** What decides on a host whose kernel does not measure pressure. Percent. */
export interface AutoscaleSettings {
  readonly cpu: { readonly floor: number; readonly ceiling: number };
  readonly memory: { readonly floor: number; readonly ceiling: number };
  /** The most that each group runs at once. */
  readonly groupMax: Readonly<Record<string, number>>;
}

/** @throws ConfigurationError BAD_SETTING where a floor is not below its ceiling, or one is above 100 */
export function checkedBand(
  floor: number,
  ceiling: number,
  names: string,
): { readonly floor: number; readonly ceiling: number } {
  if (floor < ceiling && ceiling <= 100) return { floor, ceiling };
  throw new ConfigurationError(`a floor of ${floor} and a ceiling of ${ceiling} leave nothing between them`, {
    code: "BAD_SETTING",
    subject: names,
    hint: "percents: the floor below the ceiling, the ceiling not above 100",
  });
}

/** `p1=8,p2=6`; a group that is not named keeps its default. @throws ConfigurationError BAD_SETTING */
export function parseGroupMax(text: string, subject: string, defaults?: string): Record<string, number> {
  const given = text.split(",").map((part) => /^ *([a-z0-9]+)=([1-9]\d{0,3}) *$/.exec(part) ?? []);
  if (given.some(([, name]) => name === undefined || !isWorkGroup(name))) {
    throw new ConfigurationError(`"${text}" does not say how many jobs groups run`, {
      code: "BAD_SETTING",
      subject,
      hint: `write it as p1=8,p2=6; the groups are ${workGroups.join(", ")}`,
    });
  }
  const own = Object.fromEntries(given.map(([, name = "", count]) => [name, Number(count)]));
  return defaults === undefined ? own : { ...parseGroupMax(defaults, subject), ...own };
}

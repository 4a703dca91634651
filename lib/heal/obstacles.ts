import { pointerHistory, type Store } from "../store/index.ts";
import type { LeftReason } from "./agenda.ts";
import type { Repair } from "./repairs.ts";

/** Why a repair is not begun. */
export interface Obstacle {
  readonly reason: LeftReason;
  readonly text: string;
}

/** What of the store speaks against a repair that its tries allow. */
export async function obstacleTo(
  { action, series, segment, units }: Repair,
  store: Store,
): Promise<Obstacle | undefined> {
  if (action !== "rebuild") return undefined;
  for (const [i, one] of series.entries()) {
    const [pointer] = await pointerHistory(store, one, segment);
    if (pointer?.held !== true) continue;
    return { reason: "held", text: `an undo holds ${units[i]}: barkeep rebuild ${units[i]} --reason TEXT` };
  }
  return undefined;
}

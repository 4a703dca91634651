import { heldUnits, type Store } from "../store/index.ts";
import type { LeftReason } from "./agenda.ts";
import type { Repair } from "./repairs.ts";

/** Why a gap's repair is not begun. */
export interface Obstacle {
  readonly reason: LeftReason;
  readonly text: string;
}

/** Units of a repair that are not to be touched, and why: what a person has undone is not done again unasked. */
export async function obstaclesTo(
  { action, series, segment, units }: Repair,
  store: Store,
): Promise<ReadonlyMap<string, Obstacle>> {
  const found = new Map<string, Obstacle>();
  if (action !== "rebuild") return found;
  const isHeld = await heldUnits(store);
  for (const [i, one] of series.entries()) {
    const unit = units[i];
    if (unit === undefined || !isHeld(one, segment)) continue;
    found.set(unit, { reason: "held", text: `an undo holds it: barkeep rebuild ${unit} --reason TEXT` });
  }
  return found;
}

import { z } from "zod";
import type { Ledger } from "../../ledger/index.ts";
import { initialState, type ScalerState } from "../../plan/scaler/decision.ts";

const stateSchema = z.strictObject({
  version: z.literal(1),
  isAdmitting: z.boolean(),
  upAtMs: z.number().optional(),
  downAtMs: z.number().optional(),
  killedAtMs: z.number().optional(),
  ceiling: z.strictObject({ tasks: z.number(), seenAtMs: z.number() }).optional(),
  stops: z.array(z.strictObject({ unit: z.string(), askedAtMs: z.number() })),
});

/**
 * What the last decision about a host left to be remembered, whichever run made it. Its times are of the clock that the decisions are made
 * by, so it is in the ledger beside that clock, not on the host.
 */
export function readScalerState({ hostNotes }: Ledger, host: string): ScalerState {
  const found = hostNotes.get(host, "scaler", stateSchema);
  if (found === undefined) return initialState;
  const { isAdmitting, upAtMs, downAtMs, killedAtMs, ceiling, stops } = found;
  return { isAdmitting, upAtMs, downAtMs, killedAtMs, ceiling, stops };
}

export function writeScalerState({ hostNotes }: Ledger, host: string, state: ScalerState): void {
  hostNotes.put(host, "scaler", { version: 1, ...state });
}

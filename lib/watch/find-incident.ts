import type { Incident, Ledger } from "../ledger/index.ts";
import { ConfigurationError } from "../model/errors.ts";

/** An incident by its number, with or without `#`, or by its fingerprint: the newest one. Undefined where there is none. */
export function findIncident(ledger: Ledger, text: string): Incident | undefined {
  const number = /^#?(\d{1,15})$/.exec(text)?.[1];
  return number === undefined ? ledger.incidents.byFingerprint(text) : ledger.incidents.byId(Number(number));
}

/** The same for a command. @throws ConfigurationError UNKNOWN_INCIDENT */
export function wantedIncident(ledger: Ledger, text: string): Incident {
  const incident = findIncident(ledger, text);
  if (incident !== undefined) return incident;
  throw new ConfigurationError(`there is no incident "${text}"`, {
    code: "UNKNOWN_INCIDENT",
    hint: "barkeep incidents --past lists them with their numbers",
  });
}

import { ConfigurationError } from "../model/errors.ts";

/** A queue's group and how many of its jobs run at a time. */
export interface GroupSetup {
  readonly name: string;
  readonly parallel: number;
}

/** @throws ConfigurationError BAD_PARALLEL: pueue reads 0 as "no limit", so it must never get there by accident */
export function checkParallel(parallel: number, group: string): void {
  if (Number.isInteger(parallel) && parallel >= 1) return;
  throw new ConfigurationError(`group ${group} cannot run ${parallel} jobs at a time`, {
    code: "BAD_PARALLEL",
    subject: group,
    hint: "a whole number from 1; to run none, pause the group",
  });
}

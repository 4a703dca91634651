/** The supervisor's option that says what a job may hold, in bytes. */
export const memoryOption = "--memory-max";

const form = new RegExp(String.raw`(?:^|\s)${memoryOption} ([1-9]\d{0,15})(?:\s|$)`);

/** What a queued command may hold, read off its supervisor's option; undefined for a command that is not ours. */
export function memoryLimitIn(command: string): number | undefined {
  const digits = form.exec(command)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

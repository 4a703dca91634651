import { shellWords } from "../queue/shell-words.ts";

/** A line of a crontab that runs a program so often and adds what it says to a file. */
export function cronLine(everyMinutes: number, settingsFile: string, argv: readonly string[], logFile: string): string {
  const command = `${shellWords(["env", `BARKEEP_SETTINGS=${settingsFile}`, ...argv])} >> ${shellWords([logFile])} 2>&1`;
  // There a percent sign ends the line.
  return `*/${everyMinutes} * * * * ${command.replaceAll("%", "\\%")}`;
}

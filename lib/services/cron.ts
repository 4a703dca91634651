import { runScript, shellNotFound, type Runner } from "../queue/runner.ts";
import { shellWord, shellWords } from "../queue/shell-words.ts";

/** A line of a crontab that runs a program so often and adds what it says to a file. */
export function cronLine(everyMinutes: number, settingsFile: string, argv: readonly string[], logFile: string): string {
  const command = `${shellWords(["env", settingsWord(settingsFile), ...argv])} >> ${shellWords([logFile])} 2>&1`;
  return `*/${everyMinutes} * * * * ${escaped(command)}`;
}

/** What an account's crontab says of the heartbeat. */
export interface CronLook {
  /** The line that runs it with these settings, however often; undefined where there is none. */
  readonly line: string | undefined;
  /** Why nobody knows; undefined where the table was read. */
  readonly failure: string | undefined;
}

/** Looks for a line of {@link cronLine} in the account's crontab; it may have another interval or program since. */
export async function findCronLine(runner: Runner, settingsFile: string): Promise<CronLook> {
  const { code, stdout, stderr } = await runScript(runner, "LC_ALL=C crontab -l");
  // Without a table it fails, and says so.
  const isEmpty = code !== 0 && /\bno crontab for\b/.test(stderr);
  if (code !== 0 && !isEmpty) {
    const failure = code === shellNotFound ? "there is no crontab command" : stderr.trim() || `exit code ${code}`;
    return { line: undefined, failure };
  }
  const setting = `${escaped(shellWord(settingsWord(settingsFile)))} `;
  const isOurs = (line: string): boolean => line.includes(setting) && / heartbeat\b/.test(line);
  const lines = stdout.split("\n").map((line) => line.trim());
  return { line: lines.find((line) => !line.startsWith("#") && isOurs(line)), failure: undefined };
}

function settingsWord(settingsFile: string): string {
  return `BARKEEP_SETTINGS=${settingsFile}`;
}

/** In a crontab a percent sign ends the line. */
function escaped(command: string): string {
  return command.replaceAll("%", "\\%");
}

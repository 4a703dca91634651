import { Failure, UpstreamDataError } from "../../model/errors.ts";
import type { DayProgress } from "../../native/index.ts";
import type { ArchiveSource, DayFile } from "../../sources/archive/index.ts";
import type { SegmentJob } from "./segment-job.ts";

/**
 * Gives a job a day's archive. A copy that proves damaged is brought once more.
 * @returns what the archive held, or why it cannot be used: nothing of it is kept then
 */
export async function readDay(
  job: SegmentJob,
  source: ArchiveSource,
  file: DayFile,
  signal: AbortSignal,
): Promise<DayProgress | UpstreamDataError> {
  try {
    return await job.addDay(file);
  } catch (error) {
    const better = isDamage(error) ? await source.refetchDay(file, signal) : undefined;
    if (better?.kind === "file") return readDay(job, source, better, signal);
    const failure = better?.kind === "bad" ? better.error : error;
    if (failure instanceof UpstreamDataError) return failure;
    throw failure;
  }
}

/** The copy on this machine is not what was published: another one may be. A source brings a day again only once. */
function isDamage(error: unknown): boolean {
  return error instanceof Failure && ["CHECKSUM_MISMATCH", "ZIP_CORRUPT", "FILE_UNREADABLE"].includes(error.code);
}

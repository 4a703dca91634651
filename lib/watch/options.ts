import { parseThreshold } from "../model/series.ts";

/** The options by which a command is told which series it looks at. */
export const selectionOptions = {
  symbol: {
    type: "string",
    array: true,
    describe: "only this symbol, at --threshold or the thresholds it is kept at; repeat for more",
  },
  threshold: {
    type: "string",
    array: true,
    describe: "only this threshold, dbps, of --symbol or of every enabled symbol; repeat for more",
    parse: parseThreshold,
  },
} as const;

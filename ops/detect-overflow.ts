import { defineCommand, runIfMain } from "../lib/command/index.ts";
import { exitCodes } from "../lib/model/exit-codes.ts";
import { formatCount, textTable } from "../lib/report/text-table.ts";
import { openExistingStore } from "../lib/store/index.ts";
import { overflowsOf } from "../lib/watch/overflow.ts";

const command = defineCommand({
  name: "detect-overflow",
  summary: "bars whose volume, or its bought or sold part, is below zero: sums that overflowed",
  examples: [["--json", "series[].{series, bars, negative, percent}, those with such bars alone"]],
  handler: async (_args, { settings, print, printJson }) => {
    const store = await openExistingStore(settings);
    try {
      const { series, bars } = await overflowsOf(store);
      if (settings.json) printJson({ bars, series });
      else if (series.length === 0) {
        print(`${formatCount(bars)} bars: ${bars === 0 ? "the store holds nothing to look at" : "no sum below zero"}`);
      } else {
        const right = { align: "right" } as const;
        const columns = [
          { title: "series" },
          { title: "bars", ...right },
          { title: "below zero", ...right },
          { title: "%", ...right },
        ];
        const rows = series.map((one) => [
          one.series,
          formatCount(one.bars),
          formatCount(one.negative),
          one.percent.toFixed(2),
        ]);
        textTable(columns, rows).forEach((line) => print(line));
      }
      return series.length === 0 ? exitCodes.ok : exitCodes.findings;
    } finally {
      await store.close();
    }
  },
});

export default command;
await runIfMain(import.meta, command);

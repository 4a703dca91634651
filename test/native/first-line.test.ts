import assert from "node:assert/strict";
import { test } from "node:test";
import { UpstreamDataError } from "../../lib/model/errors.ts";
import { linesOf, walkOf } from "../rig/make-archive.ts";
import { constants, day, dayOf, jobOf } from "./days.ts";

const lines = linesOf(walkOf(day, 1000, 50));
const [first = "", ...rest] = lines;
const names = "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker,is_best_match";
const byteOrderMark = "\uFEFF";

test("a header is no trade and costs none", async () => {
  for (const header of [names, names.replace("quantity", "qty"), names.toUpperCase(), `${names}\r`]) {
    const job = jobOf(50);
    const progress = await job.ingestDay(dayOf([header, ...lines]));
    assert.equal(progress.rows, 50n, header);
    assert.equal(job.take(0, constants).parts[0]?.fromId, 1000n, header);
  }
});

const broken: readonly (readonly [name: string, code: string, line: string, says: RegExp])[] = [
  ["an id that is none", "BAD_NUMBER", `x${first}`, /^line 1, byte 0: aggregate id: "x1000" is not a whole number/],
  ["a blank before the id", "BAD_NUMBER", ` ${first}`, /^line 1, byte 0: aggregate id/],
  ["no id", "BAD_NUMBER", first.slice(4), /^line 1, byte 0: aggregate id: "" is not/],
  ["nothing but commas", "BAD_NUMBER", ",,,,,,,", /^line 1, byte 0: /],
  ["a byte order mark and a trade", "BAD_ROW", `${byteOrderMark}${first}`, /^line 1, byte 0: .*byte order mark/],
  ["a byte order mark and a header", "BAD_ROW", `${byteOrderMark}${names}`, /^line 1, byte 0: .*byte order mark/],
];
for (const [name, code, line, says] of broken) {
  test(`a first line that is no trade is not taken for a header: ${name}`, async () => {
    await assert.rejects(jobOf(50).ingestDay(dayOf([line, ...rest])), (error) => {
      assert.ok(error instanceof UpstreamDataError, String(error));
      assert.equal(error.code, code);
      assert.match(error.message, says);
      return true;
    });
  });
}

import { z } from "zod";
import { RefusedError } from "../model/errors.ts";
import { unitId } from "../model/series.ts";
import { pointerHistory } from "./builds.ts";
import { numberAfter } from "./numbers.ts";
import { sqlString } from "./sql/literal.ts";
import type { Store } from "./store.ts";
import type { BuildKey } from "./unit-key.ts";

/** The right to move a segment's pointer once. It is taken before what is to be published is judged; the greatest wins. */
export interface PublishRight extends BuildKey {
  readonly seq: bigint;
}

const seqRow = z.object({ seq: z.string().transform(BigInt) });

/** Takes the right to publish a build. */
export async function takePublishRight(store: Store, key: BuildKey): Promise<PublishRight> {
  const seq = numberAfter(await greatestSeq(store, key));
  const { series, segment, build } = key;
  await store.insertRows("barkeep.claims (series, segment, seq, build)", [
    { series, segment, seq: seq.toString(), build },
  ]);
  return { ...key, seq };
}

/**
 * Publishes a build with one row. Whether it shows is decided by its number alone; the looks before and after say so early
 * and for certain.
 * @param expected the build that was published when `right`'s build was judged against it
 * @param held no computed reason makes this unit anew until a person asks for it
 * @throws RefusedError SUPERSEDED when another one has the later right, or the pointer has moved
 */
export async function movePointer(
  store: Store,
  right: PublishRight,
  { expected, reason, held }: { readonly expected: number; readonly reason: string; readonly held: boolean },
): Promise<void> {
  const { series, segment, build, seq } = right;
  const [before] = await pointerHistory(store, series, segment);
  if (before?.build !== expected || (await greatestSeq(store, right)) !== seq) throw overtaken(right);
  await store.insertRows("barkeep.pointer (series, segment, build, seq, reason, held)", [
    { series, segment, build, seq: seq.toString(), reason, held },
  ]);
  const [after] = await pointerHistory(store, series, segment);
  if (after?.seq !== seq) throw overtaken(right);
}

async function greatestSeq(store: Store, { series, segment }: BuildKey): Promise<bigint> {
  const ofSegment = `series = ${sqlString(series)} AND segment = ${sqlString(segment)}`;
  const [row] = await store.rows(
    `SELECT greatest((SELECT max(seq) FROM barkeep.pointer WHERE ${ofSegment}), (SELECT max(seq) FROM barkeep.claims WHERE ${ofSegment})) AS seq`,
    seqRow,
  );
  return row?.seq ?? 0n;
}

function overtaken({ series, segment, build }: BuildKey): RefusedError {
  const unit = unitId(series, segment);
  return new RefusedError(`another process publishes or has published a build of ${unit} meanwhile`, {
    code: "SUPERSEDED",
    subject: `${unit}#${build}`,
    hint: `nothing is lost; see which build is published with: barkeep rebuild ${unit} --plan`,
  });
}

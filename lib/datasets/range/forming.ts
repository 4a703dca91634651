import type { CheckpointContent } from "../../native/index.ts";
import { decodeNativeBytes, type NativeBlock } from "../../store/index.ts";

/** The bar that was forming at a checkpoint, as a block of one row whose key columns are empty. */
export async function formingBar({ forming }: CheckpointContent): Promise<NativeBlock | undefined> {
  if (forming === undefined) return undefined;
  for await (const block of decodeNativeBytes(forming)) return block;
  return undefined;
}

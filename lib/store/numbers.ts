import { randomInt } from "node:crypto";

const randomBits = 20n;

/**
 * A number greater than all before it, and another one than what somebody else takes at the same moment: a sequence above,
 * random bits below. The store has no counter that two could share.
 */
export function numberAfter(greatest: bigint): bigint {
  return (((greatest >> randomBits) + 1n) << randomBits) | BigInt(randomInt(2 ** Number(randomBits)));
}

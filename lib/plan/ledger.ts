import { formatBytes } from "../model/format.ts";

/** A host's memory as the plan sees it: one pool from which every admitted job has its request until it has ended. */
export interface HostMemory {
  /** What fleet.toml lets us use of the host. */
  readonly memoryBytes: number;
  /** Kept free of planned work: live series, the store on the same host. */
  readonly reserveBytes: number;
}

export interface MemoryLedger {
  readonly budgetBytes: number;
  readonly reservedBytes: number;
  /** Negative where more is promised than there is. */
  readonly freeBytes: number;
}

export function memoryLedger(host: HostMemory, requestsBytes: readonly number[]): MemoryLedger {
  const budgetBytes = Math.max(0, host.memoryBytes - host.reserveBytes);
  const reservedBytes = requestsBytes.reduce((sum, bytes) => sum + bytes, 0);
  return { budgetBytes, reservedBytes, freeBytes: budgetBytes - reservedBytes };
}

/** `12.0 GB of 55.0 GB reserved` */
export function ledgerText({ budgetBytes, reservedBytes }: MemoryLedger): string {
  return `${formatBytes(reservedBytes)} of ${formatBytes(budgetBytes)} reserved`;
}

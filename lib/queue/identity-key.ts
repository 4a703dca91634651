import type { TaskIdentity } from "./queue.ts";

/** Equal for equal identities only; to look a task up by. */
export function identityKey({ label, createdAt }: TaskIdentity): string {
  return `${createdAt} ${label}`;
}

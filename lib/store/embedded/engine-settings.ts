import { join } from "node:path";
import { writeWhole } from "../../files/write-whole.ts";

const megabyte = 1_000_000;

/**
 * Limits of the engine's process. The defaults are a server's: nearly all memory of the machine, a 5 GB mark cache. The
 * engine reads them from a file only; as arguments they are silently ignored.
 */
const limits = {
  max_server_memory_usage: 1_500 * megabyte,
  mark_cache_size: 64 * megabyte,
  index_mark_cache_size: 8 * megabyte,
  primary_index_cache_size: 32 * megabyte,
  uncompressed_cache_size: 0,
  index_uncompressed_cache_size: 0,
  query_condition_cache_size: 8 * megabyte,
  compiled_expression_cache_size: 8 * megabyte,
  background_pool_size: 2,
  background_merges_mutations_concurrency_ratio: 1,
  background_schedule_pool_size: 2,
  background_common_pool_size: 2,
  background_move_pool_size: 1,
  background_fetches_pool_size: 1,
  background_buffer_flush_schedule_pool_size: 1,
  background_distributed_schedule_pool_size: 1,
  background_message_broker_schedule_pool_size: 1,
} as const;

/** With a pool of two, thresholds made for sixteen threads would never let a large merge or a mutation start. */
const mergeTree = {
  number_of_free_entries_in_pool_to_lower_max_size_of_merge: 1,
  number_of_free_entries_in_pool_to_execute_mutation: 1,
  number_of_free_entries_in_pool_to_execute_optimize_entire_partition: 1,
} as const;

/**
 * Settings of every session, embedded or HTTP: exact integers in JSON, and no insert that is acknowledged before it is
 * on disk (this engine's default is `async_insert=1`).
 */
export const sessionSettings = {
  output_format_json_quote_64bit_integers: 1,
  async_insert: 0,
} as const;

/**
 * And of the embedded engine's sessions alone. By its default of 1 GB free for each thread, the limit of memory above would leave
 * every query one thread, and say nothing of it; reading takes a few MB a thread.
 */
export const engineSessionSettings = {
  ...sessionSettings,
  max_threads_min_free_memory_per_thread: 64 * megabyte,
} as const;

/** Writes the engine's configuration beside the store, which an engine may be reading, and returns its path. */
export function writeEngineConfiguration(stateDirectory: string): string {
  const path = join(stateDirectory, "engine.xml");
  const text = `<clickhouse>
${Object.entries(limits).map(element).join("\n")}
<merge_tree>
${Object.entries(mergeTree).map(element).join("\n")}
</merge_tree>
</clickhouse>
`;
  writeWhole(path, text);
  return path;
}

function element([name, value]: [string, number]): string {
  return `<${name}>${value}</${name}>`;
}

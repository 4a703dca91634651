import type { OpenWorkload } from "../workload.ts";
import { openPopulate, openPopulateNext } from "./populate.ts";

/** Every workload by its name. */
export const workloads: Readonly<Record<string, OpenWorkload>> = {
  populate: openPopulate,
  "populate-next": openPopulateNext,
};

/** What may run on a host beside its jobs, by the names that fleet.toml and `barkeep services` use. */
export const serviceNames = ["pueued", "autoscale", "heal", "check", "heartbeat"] as const;
export type ServiceName = (typeof serviceNames)[number];

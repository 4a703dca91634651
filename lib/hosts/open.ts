import type { FleetHost } from "../config/index.ts";
import type { Host } from "./host.ts";
import { LocalHost } from "./local-host.ts";
import { SshHost, sshHostDefaults, type SshHostOptions } from "./ssh-host.ts";

/**
 * A host of the fleet. Nothing is connected before its first use; close it, or the program does not end.
 * @param sshConfigFile instead of the user's and the system's SSH configuration
 */
export function openHost(host: FleetHost, sshConfigFile: string | undefined, more: Partial<SshHostOptions> = {}): Host {
  if (host.sshAlias === undefined) return new LocalHost(host.name);
  return new SshHost(host.name, host.sshAlias, { ...sshHostDefaults, configFile: sshConfigFile, ...more });
}

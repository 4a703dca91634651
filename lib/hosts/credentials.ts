import { existsSync, readFileSync } from "node:fs";
// A CommonJS module: Node sees only some of its names.
import ssh2 from "ssh2";
import type {
  AgentAuthMethod,
  IdentityCallback,
  ParsedKey,
  PublicKeyAuthMethod,
  SignCallback,
  SigningRequestOptions,
} from "ssh2";
import { ConfigurationError } from "../model/errors.ts";
import type { SshTarget } from "./ssh-target.ts";

/** What is offered to a host, and what was found on the way, for the message where nothing of it is taken. */
export interface Credentials {
  readonly methods: (AgentAuthMethod | PublicKeyAuthMethod)[];
  /** One line per place looked at. */
  readonly notes: readonly string[];
  readonly encryptedFiles: readonly string[];
}

/**
 * The agent's keys, then those of the files, as ssh offers them. A key with a passphrase can only come through an agent: nobody
 * sits here to type it.
 * @throws ConfigurationError SSH_KEY_ENCRYPTED where nothing else could be offered
 */
export function credentialsFor(target: SshTarget): Credentials {
  const notes: string[] = [];
  const encryptedFiles: string[] = [];
  const fileKeys: ParsedKey[] = [];
  const publicKeys: Buffer[] = [];
  for (const file of target.identityFiles) {
    const publicKey = readKey(`${file}.pub`);
    if (publicKey !== undefined && !(publicKey instanceof Error)) publicKeys.push(publicKey.getPublicSSH());
    const key = readKey(file);
    if (key === undefined) continue;
    if (key instanceof Error) {
      const isEncrypted = /encrypted/i.test(key.message);
      if (isEncrypted) encryptedFiles.push(file);
      notes.push(`${file} ${isEncrypted ? "has a passphrase" : `cannot be used: ${key.message}`}`);
    } else {
      notes.push(`${file} was offered`);
      publicKeys.push(key.getPublicSSH());
      if (key.isPrivateKey()) fileKeys.push(key);
    }
  }
  const { agentSocket, user: username } = target;
  const hasAgent = agentSocket !== undefined && existsSync(agentSocket);
  notes.unshift(hasAgent ? `the keys of the agent at ${agentSocket} were offered` : "there is no agent");
  const methods: Credentials["methods"] = [];
  if (hasAgent) {
    methods.push({
      type: "agent",
      username,
      agent: new ChosenKeysAgent(agentSocket, publicKeys, target.identitiesOnly),
    });
  }
  methods.push(...fileKeys.map((key) => ({ type: "publickey" as const, username, key })));
  if (methods.length === 0 && encryptedFiles.length > 0) throw keyEncrypted(target, encryptedFiles);
  return { methods, notes, encryptedFiles };
}

/** Every credential was refused, or there was none. */
export function notAuthenticated(target: SshTarget, { notes, encryptedFiles }: Credentials): ConfigurationError {
  if (encryptedFiles.length > 0) return keyEncrypted(target, encryptedFiles);
  return new ConfigurationError(`${target.alias} does not let ${target.user} in: ${notes.join("; ")}`, {
    code: "HOST_AUTH",
    subject: target.alias,
    hint: `see that ssh ${target.alias} works without a question; User, IdentityFile and IdentityAgent come from the SSH configuration`,
  });
}

function keyEncrypted(target: SshTarget, files: readonly string[]): ConfigurationError {
  return new ConfigurationError(`the key for ${target.alias} has a passphrase: ${files.join(", ")}`, {
    code: "SSH_KEY_ENCRYPTED",
    subject: target.alias,
    hint: `give it to the agent: ssh-add ${files.join(" ")}`,
  });
}

function readKey(file: string): ParsedKey | Error | undefined {
  if (!existsSync(file)) return undefined;
  try {
    return ssh2.utils.parseKey(readFileSync(file));
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
}

/** The agent's keys, those of the configured files first: a server takes only a few offers. */
class ChosenKeysAgent extends ssh2.BaseAgent<ParsedKey> {
  readonly #agent: ssh2.OpenSSHAgent;
  readonly #first: readonly Buffer[];
  readonly #isOnly: boolean;

  constructor(socket: string, first: readonly Buffer[], isOnly: boolean) {
    super();
    this.#agent = new ssh2.OpenSSHAgent(socket);
    this.#first = first;
    this.#isOnly = isOnly;
  }

  override getIdentities(answer: IdentityCallback<ParsedKey>): void {
    this.#agent.getIdentities((error, entries = []) => {
      const keys = entries.filter((entry) => "getPublicSSH" in entry);
      const isChosen = (key: ParsedKey): boolean => this.#first.some((one) => one.equals(key.getPublicSSH()));
      const others = this.#isOnly ? [] : keys.filter((key) => !isChosen(key));
      answer(error, [...keys.filter(isChosen), ...others]);
    });
  }

  override sign(
    key: ParsedKey,
    data: Buffer,
    options: SigningRequestOptions | SignCallback,
    answer?: SignCallback,
  ): void {
    if (typeof options === "function") this.#agent.sign(key, data, options);
    else this.#agent.sign(key, data, options, answer);
  }
}

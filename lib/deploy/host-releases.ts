import { randomBytes } from "node:crypto";
import { z } from "zod";
import type { Host } from "../hosts/index.ts";
import { UnavailableError } from "../model/errors.ts";
import { isReleaseName } from "./artifact.ts";

/** Releases on a host, in its barkeep folder: `releases/<name>` each, and `current`, a link to one of them. */
export interface HostReleases {
  /** As `uname -sm` says: `Linux x86_64`. */
  readonly platform: string;
  readonly current: string | undefined;
  /** Unpacked whole. */
  readonly unpacked: readonly string[];
  /** What was current, oldest first; after going back the current one is not the last. */
  readonly history: readonly string[];
}

const askTimeoutMs = 60_000;
/** Unpacking some hundred megabytes, and having them on the disk. */
const unpackTimeoutMs = 30 * 60_000;
/** What a deploy that died left behind; a living one is faster. */
const leftBehindMinutes = 120;

const releaseName = z.string().refine(isReleaseName);
const answerSchema = z.object({
  platform: z.string().min(1),
  current: releaseName.optional(),
  unpacked: z.array(releaseName),
  history: z.array(releaseName),
});

/** Every line is a word and a value. */
const lookScript = `
d=$1
echo "platform $(uname -sm)"
t=$(readlink -- "$d/current") && echo "current \${t##*/}"
for r in "$d"/releases/*/; do [ -d "$r" ] && r=\${r%/} && echo "unpacked \${r##*/}"; done
[ -f "$d/releases/history" ] && sed 's/^/history /' "$d/releases/history"
exit 0
`;

/** Looks at what is there; a host that never had a release has none. @throws UnavailableError HOST_RELEASES */
export async function lookAtReleases(host: Host, directory: string): Promise<HostReleases> {
  const text = await runScript(host, lookScript, [directory], askTimeoutMs);
  const values = (name: string): string[] =>
    text
      .split("\n")
      .filter((line) => line.startsWith(`${name} `))
      .map((line) => line.slice(name.length + 1));
  const answer = answerSchema.safeParse({
    platform: values("platform")[0],
    current: values("current")[0],
    unpacked: values("unpacked"),
    history: values("history"),
  });
  if (answer.success) return { ...answer.data, current: answer.data.current };
  throw new UnavailableError(`${directory}/releases on ${host.name} holds what no deploy has put there`, {
    code: "HOST_RELEASES",
    subject: host.name,
    hint: `look at ${directory}/current, releases/ and releases/history there`,
    cause: answer.error,
  });
}

/** Makes the folders, and removes what deploys that died left behind. */
export async function prepareFolders(host: Host, directory: string): Promise<void> {
  const script = `
mkdir -p -- "$1/releases" || exit 1
find "$1/releases" -mindepth 1 -maxdepth 1 \\( -name '.*.tmp' -o -name '*.tar.gz*' \\) -mmin +${leftBehindMinutes} -exec rm -rf -- {} +
`;
  await runScript(host, script, [directory], askTimeoutMs);
}

/**
 * Unpacks an uploaded artifact beside its final name and gives it that name when it is whole and on the disk.
 * @param archive the uploaded file; removed
 * @param digest of the tar archive in it
 */
export async function unpackRelease(
  host: Host,
  directory: string,
  { archive, name, digest }: { readonly archive: string; readonly name: string; readonly digest: string },
): Promise<void> {
  const script = `
set -e
cd -- "$1/releases"
hash() { if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi; }
is=$(gzip -dc -- "$2" | hash | cut -d ' ' -f 1)
[ "$is" = "$4" ] || { echo "what has arrived is not what was sent: $is" >&2; exit 1; }
t=".$3.$5.tmp"
mkdir -- "$t"
trap 'rm -rf -- "$t"' EXIT
gzip -dc -- "$2" | tar -xf - -C "$t"
sync
if [ ! -d "$3" ]; then mv -- "$t" "$3"; fi
sync
rm -f -- "$2"
`;
  await runScript(host, script, [directory, archive, name, digest, randomBytes(6).toString("hex")], unpackTimeoutMs);
}

/** Makes a release the current one, in one step: whoever follows the link finds the one or the other. */
export async function switchRelease(host: Host, directory: string, name: string): Promise<void> {
  const script = `
set -e
cd -- "$1"
ln -sfn "releases/$2" "current.$$.tmp"
mv -T -- "current.$$.tmp" current 2>/dev/null || mv -fh -- "current.$$.tmp" current
sync
`;
  await runScript(host, script, [directory, name], askTimeoutMs);
}

/** Writes what was current, oldest first, for a later way back. */
export async function writeHistory(host: Host, directory: string, history: readonly string[]): Promise<void> {
  await host.writeFile(`${directory}/releases/history`, history.map((name) => `${name}\n`).join(""), 0o644);
}

/** Removes releases. The name goes first, so that nothing finds half of one. */
export async function removeReleases(host: Host, directory: string, names: readonly string[]): Promise<void> {
  const script = `
set -e
cd -- "$1/releases"
shift
for r; do t=".$r.$$.tmp"; mv -- "$r" "$t"; rm -rf -- "$t"; done
`;
  if (names.length > 0) await runScript(host, script, [directory, ...names], unpackTimeoutMs);
}

async function runScript(host: Host, script: string, words: readonly string[], timeoutMs: number): Promise<string> {
  const { code, stdout, stderr } = await host.exec(["sh", "-c", script, "sh", ...words], {
    cwd: "/",
    env: { LC_ALL: "C" },
    timeoutMs,
  });
  if (code === 0) return stdout;
  throw new UnavailableError(`${host.name} cannot do its part of the deploy: ${stderr.trim() || `exit ${code}`}`, {
    code: "DEPLOY_HOST",
    subject: host.name,
    hint: "the release before is still current; put right what it says, then deploy again",
  });
}

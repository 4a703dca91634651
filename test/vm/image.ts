import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { homedir, userInfo } from "node:os";
import { join } from "node:path";

/** The account that works there, as an operator's would: no rights of its own. */
export const account = "keeper";

const suite = "bookworm";
const packages = [
  "systemd",
  "systemd-sysv",
  "dbus",
  "dbus-user-session",
  "libpam-systemd",
  "openssh-server",
  "openssh-sftp-server",
  "udev",
  "iproute2",
  "procps",
  "ca-certificates",
  "linux-image-cloud-amd64",
];
const sizeMb = 4000;

/** Where QEMU's own network has its one guest and the machine that it runs on. */
const network = `[Match]
Name=e*
[Network]
Address=10.0.2.15/24
Gateway=10.0.2.2
`;

/** What is done in the tree before it becomes a disk; `$1` is its root. */
const setUp = `set -eu
chroot "$1" useradd --create-home --shell /bin/bash --uid 1000 ${account}
for home in root home/${account}; do
  mkdir -p -m 700 "$1/$home/.ssh"
  cp "$KEY.pub" "$1/$home/.ssh/authorized_keys"
done
chown -R 1000:1000 "$1/home/${account}/.ssh"
printf '%s' "$NETWORK" > "$1/etc/systemd/network/80-only.network"
echo barkeep-vm > "$1/etc/hostname"
echo '127.0.0.1 localhost barkeep-vm' > "$1/etc/hosts"
chroot "$1" systemctl enable --quiet systemd-networkd.service ssh.service
chroot "$1" systemctl disable --quiet systemd-networkd-wait-online.service
chroot "$1" systemctl mask --quiet apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer systemd-timesyncd.service
`;

/** A machine that was never started: its disk, and what opens it. */
export interface VmImage {
  readonly disk: string;
  readonly kernel: string;
  readonly initrd: string;
  /** The private key that both accounts let in. */
  readonly identity: string;
  /** As known_hosts has it. */
  readonly hostKey: string;
}

/** What this machine lacks to make an image and to start it, each with what brings it. */
export function lackingForVm(): string[] {
  const programs = {
    "qemu-system-x86_64": "apt-get install qemu-system-x86",
    mmdebstrap: "apt-get install mmdebstrap",
    "mkfs.ext4": "apt-get install e2fsprogs",
    ssh: "apt-get install openssh-client",
  };
  const lacking = Object.entries(programs).flatMap(([program, how]) =>
    spawnSync("sh", ["-c", `PATH="$PATH:/usr/sbin:/sbin" command -v ${program}`]).status === 0
      ? []
      : [`${program}: ${how}`],
  );
  if (process.arch !== "x64") lacking.push("an x86-64 machine: the release that is deployed there is this machine's");
  if (userInfo().uid !== 0) lacking.push("root: the files of the image belong to it");
  if (aptSources() === undefined) lacking.push(`Debian's own package sources in ${sourcesFiles.join(" or ")}`);
  return lacking;
}

const sourcesFiles = ["/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list"];

/** The same that this machine's own packages come from. */
function aptSources(): string | undefined {
  return sourcesFiles.find((file) => existsSync(file) && readFileSync(file, "utf8").includes(suite));
}

/** The image, made of Debian's packages where there is none yet; kept outside the repository, anew for another recipe. */
export function ensureImage(note: (line: string) => void): VmImage {
  const cache = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "barkeep-tools", "vm");
  const recipe = createHash("sha256").update(JSON.stringify([suite, packages, sizeMb, network, setUp, 1]));
  const folder = join(cache, recipe.digest("hex").slice(0, 16));
  if (!existsSync(folder)) {
    mkdirSync(cache, { recursive: true, mode: 0o700 });
    note("making the image of Debian's packages: about a minute");
    const unfinished = mkdtempSync(join(cache, "unfinished-"));
    try {
      make(unfinished);
      renameSync(unfinished, folder);
    } finally {
      rmSync(unfinished, { recursive: true, force: true });
    }
    // Of other recipes, a gigabyte each.
    const others = readdirSync(cache).filter((name) => !name.startsWith("unfinished-") && !folder.endsWith(name));
    for (const other of others) rmSync(join(cache, other), { recursive: true });
  }
  return {
    disk: join(folder, "disk.img"),
    kernel: join(folder, "vmlinuz"),
    initrd: join(folder, "initrd"),
    identity: join(folder, "id_ed25519"),
    hostKey: readFileSync(join(folder, "host_key"), "utf8"),
  };
}

function make(folder: string): void {
  const root = join(folder, "root");
  const key = join(folder, "id_ed25519");
  const env = { ...process.env, PATH: `${process.env["PATH"]}:/usr/sbin:/sbin`, KEY: key, NETWORK: network };
  const run = (program: string, ...words: string[]): void => {
    execFileSync(program, words, { env, stdio: ["ignore", "ignore", "inherit"] });
  };
  run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "barkeep-vm", "-f", key);
  const sources = aptSources() ?? "";
  run("mmdebstrap", "--quiet", "--variant=minbase", `--include=${packages.join(",")}`, suite, root, sources);
  run("sh", "-c", setUp, "sh", root);
  const boot = readdirSync(join(root, "boot"));
  for (const [name, as] of [
    ["vmlinuz-", "vmlinuz"],
    ["initrd.img-", "initrd"],
  ] as const) {
    renameSync(join(root, "boot", boot.find((file) => file.startsWith(name)) ?? name), join(folder, as));
  }
  const [type = "", public_ = ""] = readFileSync(join(root, "etc/ssh/ssh_host_ed25519_key.pub"), "utf8").split(" ");
  writeFileSync(join(folder, "host_key"), `${type} ${public_}`);
  run("truncate", "--size", `${sizeMb}M`, join(folder, "disk.img"));
  run("mkfs.ext4", "-q", "-F", "-d", root, join(folder, "disk.img"));
  rmSync(root, { recursive: true });
}

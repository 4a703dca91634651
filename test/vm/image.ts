import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { homedir, userInfo } from "node:os";
import { delimiter, join } from "node:path";
import { makeKey } from "../rig/sshd.ts";

/** The account that work runs under: ordinary, and lingering. */
export const account = "keeper";
const accountId = 1000;

const release = "bookworm";
const diskMegabytes = 1_800;
/** To be raised when `furnish` writes something else. */
const imageVersion = 1;
const packages = [
  "ca-certificates",
  "dbus",
  "dbus-user-session",
  "libpam-systemd",
  "libstdc++6",
  "linux-image-cloud-amd64",
  "openssh-server",
  "openssh-sftp-server",
  "procps",
  "systemd",
  "systemd-sysv",
  "udev",
];

/** Beside the other tools of the tests, not in the project: it is large, and stays. */
const cacheFolder = join(homedir(), ".cache", "barkeep-tools", "vm");
/** Debian's own list of package sources, or that of a mirror nearby. */
const sourceFiles = ["/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list"];

/** A disk with Debian and what the kernel needs to start from it. */
export interface Image {
  readonly disk: string;
  readonly kernel: string;
  readonly initialRamDisk: string;
  /** The private key that both accounts let in. */
  readonly identity: string;
  /** The machine's public key, as known_hosts has it. */
  readonly hostKey: string;
}

/** What a virtual machine needs and this one has not; undefined when it can run. */
export function missingForMachine(): string | undefined {
  if (process.platform !== "linux" || process.arch !== "x64") return "a virtual machine here takes Linux on x86-64";
  const path = (process.env["PATH"] ?? "").split(delimiter).concat("/usr/sbin", "/sbin");
  const isThere = (program: string): boolean => path.some((folder) => existsSync(join(folder, program)));
  const toBuild = ["mmdebstrap", "mkfs.ext4"].filter((program) => !isThere(program));
  const isBuilt = existsSync(join(imageFolder(), "disk.img"));
  if (!isThere("qemu-system-x86_64") || (!isBuilt && toBuild.length > 0)) {
    return "apt-get install qemu-system-x86 mmdebstrap e2fsprogs";
  }
  if (!isBuilt && userInfo().uid !== 0) return "the image is not built yet, and only root can build it";
  return undefined;
}

/** The image, built of Debian's packages at the first use: about a minute. */
export function ensureImage(): Image {
  const folder = imageFolder();
  if (!existsSync(folder)) build(folder);
  return {
    disk: join(folder, "disk.img"),
    kernel: join(folder, "vmlinuz"),
    initialRamDisk: join(folder, "initrd.img"),
    identity: join(folder, "id_ed25519"),
    hostKey: readFileSync(join(folder, "host_ed25519.pub"), "utf8").split(" ").slice(0, 2).join(" "),
  };
}

/** Another list of packages, or another version of what is written below, is another image. */
function imageFolder(): string {
  const key = createHash("sha256")
    .update(JSON.stringify([imageVersion, release, packages]))
    .digest("hex")
    .slice(0, 12);
  return join(cacheFolder, key);
}

function build(folder: string): void {
  const temporary = `${folder}.${process.pid}.tmp`;
  const tree = join(temporary, "tree");
  mkdirSync(temporary, { recursive: true });
  try {
    const sources = sourceFiles.filter((file) => existsSync(file)).slice(0, 1);
    const quiet = { stdio: ["ignore", "ignore", "inherit"] as ["ignore", "ignore", "inherit"] };
    const words = ["--quiet", "--variant=minbase", `--include=${packages.join(",")}`, release, tree, ...sources];
    execFileSync("mmdebstrap", words, quiet);
    makeKey(join(temporary, "id_ed25519"));
    makeKey(join(temporary, "host_ed25519"));
    furnish(tree, temporary);
    for (const [name, prefix] of [
      ["vmlinuz", "vmlinuz-"],
      ["initrd.img", "initrd.img-"],
    ] as const) {
      const found = readdirSync(join(tree, "boot")).find((file) => file.startsWith(prefix));
      if (found === undefined) throw new Error(`the image has no ${prefix}*`);
      cpSync(join(tree, "boot", found), join(temporary, name));
    }
    const disk = join(temporary, "disk.img");
    execFileSync("truncate", ["-s", `${diskMegabytes}M`, disk]);
    execFileSync("mkfs.ext4", ["-q", "-F", "-d", tree, disk], quiet);
    rmSync(tree, { recursive: true, force: true });
    // Images of older texts serve nobody.
    for (const other of readdirSync(cacheFolder)) {
      if (!other.endsWith(".tmp")) rmSync(join(cacheFolder, other), { recursive: true, force: true });
    }
    renameSync(temporary, folder);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

/** Accounts, keys and the network, written into the tree. */
function furnish(tree: string, keys: string): void {
  const put = (path: string, text: string, mode = 0o644): void => {
    mkdirSync(join(tree, path, ".."), { recursive: true });
    writeFileSync(join(tree, path), text);
    chmodSync(join(tree, path), mode);
  };
  const inside = (...words: string[]): void => void execFileSync("chroot", [tree, ...words], { stdio: "ignore" });
  inside("useradd", "--create-home", "--uid", String(accountId), "--shell", "/bin/bash", account);
  const letIn = readFileSync(join(keys, "id_ed25519.pub"), "utf8");
  put(`home/${account}/.ssh/authorized_keys`, letIn, 0o600);
  inside("chown", "-R", `${account}:${account}`, `/home/${account}`);
  put(`var/lib/systemd/linger/${account}`, "");
  for (const old of readdirSync(join(tree, "etc/ssh"))) {
    if (old.startsWith("ssh_host_")) rmSync(join(tree, "etc/ssh", old));
  }
  put("etc/ssh/ssh_host_ed25519_key", readFileSync(join(keys, "host_ed25519"), "utf8"), 0o600);
  put("etc/ssh/sshd_config.d/vm.conf", "PasswordAuthentication no\nUseDNS no\n");
  put("etc/hostname", "vm\n");
  put("etc/hosts", "127.0.0.1 localhost vm\n");
  put("etc/fstab", "/dev/vda / ext4 rw,noatime 0 1\n");
  // The network that QEMU gives a guest; a fixed address needs no waiting.
  put(
    "etc/systemd/network/50-guest.network",
    "[Match]\nName=en* eth*\n[Network]\nAddress=10.0.2.15/24\nGateway=10.0.2.2\n",
  );
  inside("systemctl", "enable", "systemd-networkd.service", "ssh.service");
  for (const timer of ["apt-daily.timer", "apt-daily-upgrade.timer", "e2scrub_reap.service"]) {
    inside("systemctl", "mask", timer);
  }
}

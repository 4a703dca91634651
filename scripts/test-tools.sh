#!/usr/bin/env bash
# Installs what some tests run against and no package of npm's brings. Tests without their tool are skipped and say so.
#   bash scripts/test-tools.sh [TOOL…]     sshd, pueue and slurm unless named; vm is what `npm run test:vm` needs
set -euo pipefail

tools="$HOME/.cache/barkeep-tools"

# What a tool is for, then Debian's packages of it.
install_packages() {
  local what=$1
  shift
  if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "$what; install $*" >&2
    return
  fi
  export DEBIAN_FRONTEND=noninteractive
  # A fresh machine has no lists of packages yet.
  apt-get install --yes --no-install-recommends "$@" || { apt-get update && apt-get install --yes --no-install-recommends "$@"; }
}

# pueue 4.0.4: compiled in about five minutes.
install_pueue() {
  if [ -x "$tools/bin/pueued" ] && "$tools/bin/pueued" --version | grep -q ' 4\.'; then return; fi
  cargo install pueue --version 4.0.4 --locked --root "$tools"
}

# Slurm: its tests start one of their own, as root.
install_slurm() {
  if [ -x /usr/sbin/slurmctld ] && [ -x /usr/sbin/slurmd ] && [ -x /usr/sbin/munged ]; then return; fi
  install_packages "no Slurm here: its tests are skipped" munge slurmctld slurmd slurm-client
}

# OpenSSH. The server is not started: tests start their own, on free ports.
install_sshd() {
  if [ -x /usr/sbin/sshd ] && command -v ssh >/dev/null && command -v ssh-agent >/dev/null; then return; fi
  install_packages "no sshd here: tests over SSH are skipped" openssh-server openssh-client procps
}

# A machine in a machine.
install_vm() {
  if command -v qemu-system-x86_64 >/dev/null && command -v mmdebstrap >/dev/null; then return; fi
  install_packages "no QEMU here: npm run test:vm cannot run" qemu-system-x86 mmdebstrap e2fsprogs openssh-client
}

[ "$#" -gt 0 ] || set -- sshd pueue slurm
for tool in "$@"; do "install_$tool"; done

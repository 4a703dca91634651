#!/usr/bin/env bash
# Installs what some tests run against and no package of npm's brings. Tests without their tool are skipped and say so.
#   bash scripts/test-tools.sh [TOOL…]     all of them unless named
set -euo pipefail

tools="$HOME/.cache/barkeep-tools"

# pueue 4.0.4: compiled in about five minutes.
install_pueue() {
  if [ -x "$tools/bin/pueued" ] && "$tools/bin/pueued" --version | grep -q ' 4\.'; then return; fi
  cargo install pueue --version 4.0.4 --locked --root "$tools"
}

# Slurm, from Debian's packages: as root only.
install_slurm() {
  if [ -x /usr/sbin/slurmctld ] && [ -x /usr/sbin/slurmd ] && [ -x /usr/sbin/munged ]; then return; fi
  apt-get install --yes --no-install-recommends munge slurmctld slurmd slurm-client
}

# OpenSSH, from Debian's packages. The server is not started: tests start their own, on free ports.
install_sshd() {
  if [ -x /usr/sbin/sshd ] && command -v ssh >/dev/null && command -v ssh-agent >/dev/null; then return; fi
  if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "no sshd here: tests over SSH are skipped; install openssh-server and openssh-client" >&2
    return
  fi
  apt-get install --yes --no-install-recommends openssh-server openssh-client procps
}

[ "$#" -gt 0 ] || set -- sshd pueue slurm
for tool in "$@"; do "install_$tool"; done

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

[ "$#" -gt 0 ] || set -- pueue slurm
for tool in "$@"; do "install_$tool"; done

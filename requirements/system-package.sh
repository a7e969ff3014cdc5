#!/usr/bin/env bash
# Installs one of Debian's or Ubuntu's packages where this may be done without asking, else says how to do it.
#
#   requirements/system-package.sh PACKAGE 'why it is needed'
set -euo pipefail

package=$1
reason=$2

if ! command -v apt-get >/dev/null; then
  echo "error: $package is missing: $reason. Install it (that is its name on Debian) and try again." >&2
  exit 1
fi
as_root=()
if [[ $(id -u) != 0 ]]; then
  if ! sudo -n true 2>/dev/null; then
    echo "error: $package is missing: $reason. Run 'sudo apt-get install $package' and try again." >&2
    exit 1
  fi
  as_root=(sudo -n)
fi
echo "installing Debian's package $package: $reason" >&2
export DEBIAN_FRONTEND=noninteractive
if command -v flock >/dev/null; then
  exec 9>"${TMPDIR:-/tmp}/digits-system-package.lock"
  flock 9 # tests that run side by side want one each
fi
${as_root[@]+"${as_root[@]}"} apt-get update -qq >&2
${as_root[@]+"${as_root[@]}"} apt-get install -qq -y -o DPkg::Lock::Timeout=300 --no-install-recommends "$package" >&2

#!/usr/bin/env bash
# Makes a virtual environment and installs one lock of this folder into it; does nothing when that has been done.
#
#   requirements/install.sh VENV LOCK        VENV: a directory; LOCK: service, gpu, training or dev
#   PYTHON=python3.12 requirements/install.sh …                       with that interpreter and no other
#
# A lock counts as installed when VENV holds a copy that equals the one here, so a changed lock is installed anew.
# While anything is half done a marker lies in VENV; whoever finds it without the one who wrote it starts afresh.
# Exit code 2: there can be no environment, and the message says what to do about it.
set -euo pipefail

venv=$1
lock=$2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
state=$venv/installed-locks
marker=$venv/half-installed

say() { printf '%s\n' "$*" >&2; }
stop() { say "error: $*"; exit 2; }

# dev holds service and training whole, and the locks agree on every version.
contained_in() { if [[ $1 == dev ]]; then echo service training dev; else echo "$1"; fi; }

is_installed() { # LOCK
  [[ ! -e $marker ]] && cmp -s "$here/$1.txt" "$state/$1.txt" && "$venv/bin/python" -c '' 2>/dev/null
}

# TensorFlow 2.21 has wheels for these alone.
is_supported() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; }

identity() { "$1" -c 'import sys; print(sys.version_info[:3], sys.base_prefix)' 2>/dev/null || echo "none: $1"; }

is_wanted_python() { [[ -z ${PYTHON:-} || $(identity "$PYTHON") == "$(identity "$venv/bin/python")" ]]; }

pick_python() {
  local candidate found
  if [[ -n ${PYTHON:-} ]]; then
    is_supported "$PYTHON" || stop "PYTHON=$PYTHON is no Python 3.11, 3.12 or 3.13, for which TensorFlow has wheels."
    echo "$PYTHON"
    return
  fi
  for candidate in python3 python3.13 python3.12 python3.11; do
    if is_supported "$candidate"; then
      echo "$candidate"
      return
    fi
  done
  found=$(python3 --version 2>/dev/null) || found='no python3 at all'
  stop "Python 3.11, 3.12 or 3.13 is needed, for which TensorFlow has wheels; found $found. Install one of them, or" \
    "name one that is not on the PATH: make PYTHON=/path/to/python3.12 …"
}

# Debian and Ubuntu keep what `python -m venv` needs in a package of its own.
ensure_venv_module() { # PYTHON
  local package
  if "$1" -c 'import ensurepip, venv' 2>/dev/null; then return; fi
  package=$("$1" -c 'import sys; print("python{}.{}-venv".format(*sys.version_info))')
  "$here/system-package.sh" "$package" "$1 cannot make virtual environments without it" || exit 2
  "$1" -c 'import ensurepip, venv' || stop "$package is installed, and $1 still cannot import ensurepip and venv."
}

make_venv() {
  local python
  python=$(pick_python)
  ensure_venv_module "$python"
  if [[ -e $venv && ! -e $marker && ! -e $venv/pyvenv.cfg && -n $(ls -A "$venv") ]]; then
    stop "$venv is no virtual environment and is not empty; it is left alone. Name another: make VENV=… …"
  fi
  say "making $venv with $("$python" --version)"
  mkdir -p "$venv"
  touch "$marker"
  find "$venv" -mindepth 1 -maxdepth 1 ! -path "$marker" -exec rm -rf {} +
  "$python" -m venv "$venv"
}

install() {
  local known quiet=()
  touch "$marker"
  mkdir -p "$state"
  # Another lock's copy is worth keeping only while it is the one this lock agrees with.
  for known in "$state"/*.txt; do
    cmp -s "$known" "$here/$(basename "$known")" || rm -f "$known"
  done
  [[ -t 1 ]] || quiet=(--quiet)
  say "installing requirements/$lock.txt into $venv"
  # --no-deps: the lock is complete, there is nothing to resolve. Byte code is made by all cores afterwards, where pip
  # takes one; without it TensorFlow's import takes 7 s, not 3. A file that does not compile is nobody's import either.
  "$venv/bin/python" -m pip install --require-hashes --no-deps --no-compile --disable-pip-version-check --no-input \
    ${quiet[@]+"${quiet[@]}"} -r "$here/$lock.txt"
  "$venv/bin/python" -m compileall -qq -j 0 "$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" || true
  for known in $(contained_in "$lock"); do cp "$here/$known.txt" "$state/"; done
  rm "$marker"
}

[[ -f $here/$lock.txt ]] || stop "there is no requirements/$lock.txt"
# Two of us at once (make serve here, make test there): the second waits, and then finds the work done.
if command -v flock >/dev/null; then
  exec 9<"${BASH_SOURCE[0]}"
  flock 9
fi
if is_installed "$lock" && is_wanted_python; then exit 0; fi
if [[ -e $marker ]] || ! "$venv/bin/python" -m pip --version >/dev/null 2>&1 || ! is_wanted_python; then make_venv; fi
install

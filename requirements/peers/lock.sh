#!/usr/bin/env bash
# Compiles each peer's .in here into its lock: requirements/peers/lock.sh [PEER…]; UPGRADE=1 for the newest versions.
#
# What the applications share – the model's runtime, the decoder – has the versions of dev.txt everywhere, so that peers
# are compared and not TensorFlows. The rest is what each peer asks for.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")"
uv=$(pwd)/../../${VENV:-.venv}/bin/uv
shared=$(mktemp)
trap 'rm -f "$shared"' EXIT
grep -oE '^(tensorflow|tensorflow-cpu|keras|numpy|opencv-python-headless|pillow|isal|orjson)==[^ ]+' ../dev.txt >"$shared"

peers=("$@")
if ((${#peers[@]} == 0)); then
  for file in *.in; do [[ $file == common.in ]] || peers+=("${file%.in}"); done
fi
for peer in "${peers[@]}"; do
  "$uv" pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest --generate-hashes \
    --no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command requirements/peers/lock.sh \
    ${UPGRADE:+--upgrade} -c "$shared" "$peer.in" -o "$peer.txt"
done

#!/usr/bin/env bash
# Resolve every environment of these tests anew: each *.in into a *.txt of exact versions with hashes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
uv=$(command -v uv || echo ../../../.venv/bin/uv)

for wanted in *.in; do
  locked=${wanted%.in}.txt
  "$uv" pip compile --quiet --upgrade --generate-hashes --no-emit-index-url --no-annotate --no-header \
    --universal --python-version 3.11 "$wanted" >"$locked.new"
  # A lock must install from whichever registry the machine is set up for.
  if grep -nE '://|^--' "$locked.new" >&2; then
    echo "lock: $locked names a host or an option" >&2
    exit 1
  fi
  mv "$locked.new" "$locked"
done

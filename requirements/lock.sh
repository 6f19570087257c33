#!/usr/bin/env bash
# Resolve the dependencies of pyproject.toml anew: run.txt for running, dev.txt for tests and checks, uv.txt for uv.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
uv=$(command -v uv || echo .venv/bin/uv)

compile() { # output, then more arguments of `uv pip compile`
  local output=$1
  shift
  "$uv" pip compile --quiet --generate-hashes --no-emit-index-url --no-annotate --no-header \
    --universal --python-version 3.11 "$@" >"$output.new"
  # A lock must install from whichever registry the machine is set up for.
  if grep -nE '://|^--' "$output.new" >&2; then
    echo "lock: $output names a host or an option" >&2
    exit 1
  fi
  mv "$output.new" "$output"
}

# hatchling builds the editable install. pandas and pyarrow are requirements of chdb-core that only its own data frame
# functions import: 250 MB that nothing here uses.
compile requirements/run.txt --extra engine --extra server \
  --no-emit-package pandas --no-emit-package pyarrow pyproject.toml - <<<'hatchling>=1.27'
compile requirements/dev.txt --extra engine --extra server --group dev pyproject.toml
compile requirements/uv.txt - <<<'uv>=0.13'

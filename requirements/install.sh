#!/usr/bin/env bash
# Make .venv ready: `install.sh run` for what `spanledger demo` and `up` need, `install.sh dev` for tests and checks too.
#
# Needs Python 3.11 or newer; uv is used where it is on the PATH and fetched into .venv where it is not. Every package
# is held to the hash in run.txt or dev.txt. A .venv that is there is completed, never emptied.
# PYTHON names the interpreter; without it the first of python3, python3.11 … that is new enough is taken.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fail() {
  echo "install: $1" >&2
  exit 1
}

new_enough() { # interpreter -> success if it runs and is 3.11 or newer
  "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

choose_python() { # -> the interpreter to build .venv with
  local candidate found=""
  for candidate in ${PYTHON:-python3 python3.11 python3.12 python3.13 python3.14}; do
    command -v "$candidate" >/dev/null || continue
    if new_enough "$candidate"; then
      echo "$candidate"
      return
    fi
    found="${found:-$candidate is $("$candidate" -V 2>&1)}"
  done
  fail "Python 3.11 or newer is needed, but ${found:-${PYTHON:-python3} was not found}; name another one with PYTHON=…"
}

fetch_uv() { # interpreter -> .venv/bin/uv, by the machine's pip where it has one: a pip in .venv takes seconds to lay down
  local pip=("$1" -m pip --python .venv/bin/python)
  if ! "${pip[@]}" --version >/dev/null 2>&1; then
    .venv/bin/python -m ensurepip >/dev/null 2>&1 ||
      fail "$1 has neither pip nor ensurepip: apt-get install python3-venv"
    pip=(.venv/bin/python -m pip)
  fi
  "${pip[@]}" install --quiet --disable-pip-version-check --no-compile \
    --require-hashes --requirement requirements/uv.txt
}

case "${1:-}" in
  run | dev) scope=$1 ;;
  *)
    echo "usage: requirements/install.sh run|dev" >&2
    exit 2
    ;;
esac

if ! new_enough .venv/bin/python; then
  python=$(choose_python)
  echo "install: making .venv with $("$python" -V); a first download takes a while" >&2
  "$python" -m venv --without-pip .venv || fail "$python cannot make a virtual environment: apt-get install python3-venv"
fi
uv=$(command -v uv || echo .venv/bin/uv)
if [ ! -x "$uv" ]; then
  python=$(choose_python)
  fetch_uv "$python"
fi

export VIRTUAL_ENV="$PWD/.venv"
# The lock is complete, so nothing is resolved: chdb's unused pandas and pyarrow stay out of run.txt that way.
locks=(--requirement "requirements/$scope.txt")
[ "$scope" = run ] || locks+=(--requirement requirements/uv.txt) # `make build` and `make lock` call .venv/bin/uv
"$uv" pip install --quiet --no-deps --require-hashes "${locks[@]}"
"$uv" pip install --quiet --no-deps --no-build-isolation --editable .
touch .venv/.ready-run
[ "$scope" = run ] || touch .venv/.ready-dev

#!/usr/bin/env bash
# Check the dashboard's scripts: their types by their comments, and the one format; `check.sh --write` formats.
#
# Nothing of the dashboard is built, so Node.js is for this check alone. Where it is absent the check is skipped with a
# word, unless SPANLEDGER_REQUIRE_NODE=1. The tools are held to package-lock.json and kept in .cache/javascript.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
  echo "javascript: node and npm are not on the PATH, so the dashboard's scripts are not checked" >&2
  [ "${SPANLEDGER_REQUIRE_NODE:-}" != 1 ]
  exit
fi

sources=requirements/javascript
tools=.cache/javascript
if ! cmp --silent "$sources/package-lock.json" "$tools/.ready"; then
  mkdir -p "$tools"
  cp "$sources/package.json" "$sources/package-lock.json" "$tools"
  npm ci --silent --ignore-scripts --no-audit --no-fund --prefix "$tools"
  cp "$sources/package-lock.json" "$tools/.ready"
fi

prettier() { # --check or --write
  node "$tools/node_modules/prettier/bin/prettier.cjs" --config "$sources/prettier.json" --log-level warn "$1" \
    'api/spanledger_api/dashboard/static/**/*.{js,css,json}' '!api/**/vendor/**' "$sources/**/*.{json,ts}"
}

case "${1:-}" in
  --write) prettier --write ;;
  "")
    prettier --check
    node "$tools/node_modules/typescript/bin/tsc" --project "$sources/tsconfig.json"
    ;;
  *)
    echo "usage: requirements/javascript/check.sh [--write]" >&2
    exit 2
    ;;
esac

#!/usr/bin/env bash
# Build the collector distribution of builder-config.yaml into collector/build/spanledger-otelcol.
#
# `build.sh telemetrygen` builds the load generator of the same release beside it, for tests and benchmarks.
# Needs Go of the version that GO_NEEDED names or newer. Nothing is installed outside collector/build and Go's caches.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

readonly GO_NEEDED=1.26
readonly TELEMETRYGEN=github.com/open-telemetry/opentelemetry-collector-contrib/cmd/telemetrygen

fail() {
  echo "collector: $1" >&2
  exit 1
}

require_go() {
  command -v go >/dev/null ||
    fail "Go $GO_NEEDED or newer is needed to build the OpenTelemetry Collector, and 'go' is not on the PATH"
  local found
  found=$(go env GOVERSION)
  printf 'go%s\n%s\n' "$GO_NEEDED" "$found" | sort --check=quiet --version-sort ||
    fail "Go $GO_NEEDED or newer is needed to build the OpenTelemetry Collector; this is $found"
}

release=$(sed -n 's/^  version: //p' builder-config.yaml)
require_go
# The same sources make the same bytes on any machine: no C compiler, no paths, no version-control stamp.
export CGO_ENABLED=0 GOFLAGS="-trimpath -buildvcs=false" GOTOOLCHAIN=local GOWORK=off
mkdir -p build

case "${1:-}" in
  telemetrygen)
    GOBIN="$PWD/build" go install -ldflags="-s -w" "$TELEMETRYGEN@v$release"
    echo "collector: built collector/build/telemetrygen $release" >&2
    ;;
  "")
    GOBIN="$PWD/build" go install "go.opentelemetry.io/collector/cmd/builder@v$release"
    build/builder --config builder-config.yaml
    mv build/source/spanledger-otelcol build/spanledger-otelcol
    echo "collector: built collector/build/spanledger-otelcol $release" >&2
    ;;
  *)
    echo "usage: collector/build.sh [telemetrygen]" >&2
    exit 2
    ;;
esac

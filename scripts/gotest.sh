#!/usr/bin/env bash
# Runs go test with the arguments, or without a package with those and every package: what scripts/test.sh shows.
set -euo pipefail
cd "$(dirname "$0")/.."
{ true >&3; } 2>/dev/null && exec 2>&3

flags=(-count=1 -timeout=30m -vet=off) # make check vets; building images takes minutes
if [ -n "${BRAMBLE_TEST_SYSTEM:-}" ] && go list -race unsafe >/dev/null; then
  flags+=(-race)
  # A program with the race detector otherwise sleeps a second before it exits. goleak finds what still runs.
  export GORACE="atexit_sleep_ms=20 ${GORACE:-}"
fi

failed=0
run() { go test "${flags[@]}" "$@" </dev/null || failed=1; }

if [ $# -gt 1 ]; then
  run "$@"
  exit "$failed"
fi

system=${BRAMBLE_TEST_SYSTEM:-}
if [ -n "$system" ]; then
  # The virtual machine's parts are downloaded and compiled meanwhile.
  nice -n 10 scripts/test-v4l2.sh prepare >/dev/null 2>&1 </dev/null &
fi
# The longest come first. e2e and e2e/cluster come last and alone: they play in real time, in browsers and players.
slow=(./e2e/install ./e2e/docker ./e2e/crossarch ./e2e/golden ./e2e/examples ./hub/internal/natsserver)
slow+=(./hub/internal/web ./hub/internal/transcode ./agent/internal/publish ./agent ./hub)
apart='/e2e$|/e2e/cluster$'
[ -z "$system" ] || apart+='|/e2e/v4l2$' # scripts/test-v4l2.sh runs it below
mapfile -t others < <(go list ./... | grep -vE "$apart")
run "$@" -p 3 "${slow[@]}" "${others[@]}" # three at a time, because many wait as much as they work
wait
run "$@" -p 1 ./e2e ./e2e/cluster
if [ -n "$system" ]; then
  # The identity provider is a module of its own, because of its dependencies.
  go -C e2e/oidc test "${flags[@]}" "$@" ./... </dev/null || failed=1
  GOTEST="scripts/gotest.sh $*" scripts/test-v4l2.sh || failed=1
fi
exit "$failed"

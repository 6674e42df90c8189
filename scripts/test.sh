#!/usr/bin/env bash
# Runs every test: the page's (node), then Go's with the race detector. Arguments go to `go test`, e.g. -run TestRing ./hub/...
# Skipped tests are listed with their reasons; with CI=true a skip whose reason scripts/skips does not know fails the run.
set -euo pipefail
cd "$(dirname "$0")/.."
export GOTOOLCHAIN=auto # the toolchain line of go.mod counts

gotestsum=gotest.tools/gotestsum@v1.13.0

say() { printf 'test: %s\n' "$*"; }

args=("$@")
[ ${#args[@]} -gt 0 ] || args=(./...)
flags=(-count=1 -timeout=10m -vet=off) # check.sh vets
if why=$(go list -race unsafe 2>&1); then
  flags+=(-race)
  # What is built with the race detector otherwise sleeps a second before it exits, in case something still runs. goleak sees to it that nothing does.
  export GORACE="atexit_sleep_ms=20 ${GORACE:-}"
else
  say "without the race detector: $why"
fi

failed=0
log=$(mktemp)
secret_log=$(mktemp -d)
trap 'rm -rf "$log" "$secret_log"' EXIT
export BRAMBLE_TEST_SECRET_LOG=$secret_log

if [ $# -eq 0 ]; then
  # Whoever runs everything runs test-v4l2.sh next: what it downloads and compiles may be there by then.
  nice -n 10 scripts/test-v4l2.sh prepare >/dev/null 2>&1 </dev/null &
fi
if [ $# -eq 0 ] && [ -d e2e/browser/node_modules ]; then
  say "the page's own tests"
  npm --prefix e2e/browser run --silent test </dev/null || failed=1
fi

if ! go run "$gotestsum" --version >/dev/null 2>&1; then
  say "$gotestsum cannot be had (no module proxy?): plain go test; its -v shows the skips"
  [ "${CI:-}" != true ] || exit 1
  go test "${flags[@]}" "${args[@]}" || failed=1
  exit "$failed"
fi

# run PACKAGE...: tests them, and looks at what was skipped, and whether a secret got into a log.
run() {
  go run "$gotestsum" --format=pkgname --format-hide-empty-pkg --jsonfile="$log" -- "${flags[@]}" "$@" || failed=1
  if [ "${CI:-}" = true ]; then
    go run ./scripts/skips "$log" || failed=1
  fi
  go run ./scripts/secrets "$log" "$secret_log" || failed=1
  say "the slowest tests:"
  go run "$gotestsum" tool slowest --jsonfile "$log" --threshold 5s --num 12
}

if [ $# -eq 0 ]; then
  # e2e and e2e/cluster come last and by themselves: they play in real time, in browsers and players that skip, and with 200 viewers whose pictures are late, when other packages' tests and compilers take the processors.
  # Those that take longest come first, so that none of them is left over at the end with a processor idle.
  slow=(./hub/internal/web ./agent/internal/source/rpicam ./e2e/install ./e2e/crossarch ./hub/internal/transcode ./e2e/bench/internal/scenario ./agent/internal/publish)
  mapfile -t others < <(go list ./... | grep -vE '/e2e$|/e2e/cluster$')
  # Many of them wait as much as they work: three at a time.
  run -p 3 "${slow[@]}" "${others[@]}"
  wait # for what is prepared
  say "the login at an identity provider, whose dependencies are a module of their own"
  go -C e2e/oidc test "${flags[@]}" ./... || failed=1
  run -p 1 ./e2e ./e2e/cluster
else
  run "${args[@]}"
fi
exit "$failed"

#!/usr/bin/env bash
# Runs the tests.
#
#   scripts/test.sh           what `make test` runs: every package, in minutes, without the race detector
#   scripts/test.sh system    what `make test-system` runs: every test, with the race detector
#   scripts/test.sh ARGS...   the tests of `go test ARGS...`, for example -run TestRing ./hub/...
#
# Skipped tests are listed with their reasons. With CI=true a skip whose reason scripts/skips does not know fails the run.
set -euo pipefail
cd "$(dirname "$0")/.."
export GOTOOLCHAIN=auto # the toolchain line of go.mod counts

gotestsum=gotest.tools/gotestsum@v1.13.0
flags=(-count=1 -timeout=15m -vet=off) # make check vets

say() { printf 'test: %s\n' "$*"; }

# stream MODE: runs `go test -json` on all packages, those of e2e last: they play in real time.
stream() {
  local failed=0
  # What takes longest comes first, so that no processor is idle at the end.
  local slow=(./hub/internal/web ./agent ./hub/internal/natsserver ./agent/internal/publish ./hub/internal/transcode)
  [ "$1" != system ] || slow=(./e2e/install ./e2e/crossarch ./e2e/docker ./e2e/bench/internal/scenario "${slow[@]}")
  local others
  mapfile -t others < <(go list ./... | grep -vE '/e2e$|/e2e/cluster$')
  go test -json "${flags[@]}" -p 3 "${slow[@]}" "${others[@]}" || failed=1
  go test -json "${flags[@]}" -p 1 ./e2e ./e2e/cluster || failed=1
  # The identity provider's dependencies are a module of their own.
  [ "$1" != system ] || go -C e2e/oidc test -json "${flags[@]}" ./... || failed=1
  return "$failed"
}

mode='test'
case ${1:-} in
  stream) mode=$2 ;;
  system) mode=system ;;
  '') ;;
  *) mode=args ;;
esac
if [ "$mode" != test ] && go list -race unsafe >/dev/null 2>&1; then
  flags+=(-race)
  # A program with the race detector sleeps a second before it exits. goleak checks that nothing still runs.
  export GORACE="atexit_sleep_ms=20 ${GORACE:-}"
fi
[ "$mode" != system ] || export BRAMBLE_TEST_SYSTEM=1
if [ "${1:-}" = stream ]; then
  stream "$mode"
  exit
fi

failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export BRAMBLE_TEST_SECRET_LOG=$work/secrets
mkdir "$BRAMBLE_TEST_SECRET_LOG"

if [ "$mode" != args ] && [ -d e2e/browser/node_modules ] && command -v npm >/dev/null; then
  say "the page's own tests"
  npm --prefix e2e/browser run --silent test </dev/null || failed=1
fi

if ! go run "$gotestsum" --version >/dev/null 2>&1; then
  say "no gotestsum (is there a module proxy?): plain go test"
  [ "${CI:-}" != true ] || exit 1
  case $mode in
    args) go test "${flags[@]}" "$@" || failed=1 ;;
    *) go test "${flags[@]}" -v ./... >"$work/log" 2>&1 || failed=1
      grep -E '^(ok|FAIL|panic:)|^ *--- (FAIL|SKIP)|_test\.go:[0-9]+: ' "$work/log" | grep -v '^ok' || true
      say "$(grep -c '^ *--- PASS' "$work/log") passed, $(grep -c '^ *--- SKIP' "$work/log") skipped (listed above)" ;;
  esac
  exit "$failed"
fi

summary=("$gotestsum" --format=pkgname --format-hide-empty-pkg --jsonfile="$work/log")
if [ "$mode" = args ]; then
  go run "${summary[@]}" -- "${flags[@]}" "$@" || failed=1
else
  go run "${summary[@]}" --raw-command -- scripts/test.sh stream "$mode" | tee "$work/out" || failed=1
fi
[ "${CI:-}" != true ] || go run ./scripts/skips "$work/log" || failed=1
go run ./scripts/secrets "$work/log" "$BRAMBLE_TEST_SECRET_LOG" || failed=1
if [ "$mode" != args ]; then
  say "the slowest tests:"
  go run "$gotestsum" tool slowest --jsonfile "$work/log" --threshold 3s --num 12
  grep '^DONE' "$work/out" || true
fi
exit "$failed"

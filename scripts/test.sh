#!/usr/bin/env bash
# Runs tests: the page's with node, then Go's.
#
#   scripts/test.sh           those of `make test`
#   scripts/test.sh system    all, with the race detector; testutil.System marks those that `make test` leaves out
#   scripts/test.sh ARGS...   those of `go test ARGS...`, for example -run TestRing ./hub/...
#
# The end names the skipped tests with their reasons. In CI the system tests may skip only for the reasons listed here.
set -euo pipefail
cd "$(dirname "$0")/.."
export GOTOOLCHAIN=auto # the toolchain line of go.mod counts, unless it cannot be downloaded
go version >/dev/null 2>&1 || export GOTOOLCHAIN=local

gotestsum=gotest.tools/gotestsum@v1.13.0

# Reasons to skip a test in CI, and why nothing is lost.
allowed=(
  -e "shared footage not present"            # it lies beside the repository; clips that tests make prove the same
  -e "no V4L2 device here"                   # the same tests run in the virtual machine of e2e/v4l2
  -e "no clean Debian 12 can be made here"   # it needs root, namespaces and apt; units and programs have other tests
  -e "no network namespaces can be made here" # they need root; proxies on other hosts are tested by their addresses too
  -e "no container engine can be started here" # it needs root and namespaces; tests of the files run
  -e "the nats command line tool is not on PATH" # it takes minutes to build; Go and Python clients prove the same
)

# What a log must not contain: passwords of the tests, hashes, API tokens, NKey seeds, signed links, session cookies.
# shellcheck disable=SC2016 # it is a pattern
secrets='correct horse battery|tr0ub4dor|quis custodiet ipsos|\$argon2id\$v=|bt_[a-z2-7]{8}_[a-z2-7]{52}'
secrets+='|\bS[A-Z]{1,2}[A-Z2-7]{55,56}\b|\b[1-9][0-9]{0,11}\.[a-z0-9]{1,5}(-[a-z0-9]{1,5}){0,3}\.[A-Za-z0-9_-]{43}'
secrets+='|\beyJ[A-Za-z0-9_-]{40,}\.[A-Za-z0-9_-]{43}'

say() { printf 'test: %s\n' "$*"; }

if [ "${1:-}" = system ]; then
  export BRAMBLE_TEST_SYSTEM=1
  shift
fi

failed=0
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
mkdir "$logs/secrets"
export BRAMBLE_TEST_SECRET_LOG=$logs/secrets

if [ $# -eq 0 ] && [ -d e2e/browser/node_modules ] && command -v npm >/dev/null; then
  say "the page's own tests"
  npm --prefix e2e/browser run --silent test </dev/null || failed=1
fi

say "Go's tests"
if go run "$gotestsum" --version >/dev/null 2>&1; then
  # gotestsum takes what a command writes to its standard error for errors.
  go run "$gotestsum" --format=pkgname --format-hide-empty-pkg --jsonfile="$logs/json" --junitfile="$logs/junit" \
    --raw-command -- scripts/gotest.sh -json "$@" 3>&2 || failed=1
else
  say "plain go test, because $gotestsum cannot be downloaded"
  [ "${CI:-}" != true ] || exit 1
  scripts/gotest.sh -v "$@" 3>&2 >"$logs/json" 2>&1 || failed=1
  awk '/^=== |^ *--- (PASS|SKIP)/ { lines = ""; next } /^ *--- FAIL/ { printf "%s%s\n", lines, $0; lines = ""; next }
    /^(ok|FAIL|panic:|#)/ { print; next } { lines = lines $0 "\n" }' "$logs/json"
  say "skipped:"
  awk '/^ +[^ ]+\.go:[0-9]+: / { why = $0 } /--- SKIP:/ { print "  " $3 why; n++ }
    /^ *--- (PASS|FAIL|SKIP)/ { all++ } END { print "DONE " all + 0 " tests, " n + 0 " skipped" }' "$logs/json"
fi

if [ "${CI:-}${BRAMBLE_TEST_SYSTEM:-}" = true1 ] &&
  grep -o '<skipped message="[^"]*"' "$logs/junit" | grep -vF "${allowed[@]}"; then
  say "FAILED: CI skips a test for a reason that is not in scripts/test.sh; scripts/install-test-deps.sh installs tools"
  failed=1
fi
if grep -rnoP ".{0,200}(?=($secrets))" "$logs"; then
  say "FAILED: a secret follows in each of these logs: wrap it in secret.Text, or do not log it"
  failed=1
fi
exit "$failed"

#!/usr/bin/env bash
# Runs every fuzz target for FUZZTIME (60s) each, also after a failure. Go keeps the input that failed in the package's
# testdata/fuzz; commit it with the fix.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
export GOTOOLCHAIN=auto # the toolchain line of go.mod counts

fuzztime=${FUZZTIME:-60s} # of which go test would take up to a minute to make each interesting input shorter
failed=()
count=0

# `go test -list` prints a package's targets, then the package.
while read -r pkg target; do
  count=$((count + 1))
  printf 'fuzz: %s %s for %s\n' "$pkg" "$target" "$fuzztime"
  go test -run='^$' -fuzz="^$target\$" -fuzztime="$fuzztime" -fuzzminimizetime=5s "$pkg" </dev/null ||
    failed+=("$pkg $target")
done < <(go test -list='^Fuzz' ./... |
  awk '/^Fuzz/ { t[n++] = $1 } /^ok/ { for (i = 0; i < n; i++) print $2, t[i] } !/^Fuzz/ { n = 0 }')

[ ${#failed[@]} -eq 0 ] || { printf 'fuzz: FAILED: %s\n' "${failed[@]}"; exit 1; }
printf 'fuzz: %d targets, nothing found\n' "$count"

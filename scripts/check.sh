#!/usr/bin/env bash
# The static half of CI: format, vet, linters, the page's types, the house rules. Every step runs, even after one has failed.
# A linter that cannot be had is named and passed over; with CI=true it is an error.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
export GOTOOLCHAIN=auto # the toolchain line of go.mod counts

staticcheck=honnef.co/go/tools/cmd/staticcheck@v0.7.0
govulncheck=golang.org/x/vuln/cmd/govulncheck@v1.9.0
failed=()
# With the race detector, as the tests are compiled: what is compiled for one is there for the other.
race=()
if go list -race unsafe >/dev/null 2>&1; then race=(-race); fi

say() { printf 'check: %s\n' "$*"; }

# step NAME COMMAND...: runs it and remembers a failure.
step() {
  local name=$1
  shift
  say "$name"
  "$@" || failed+=("$name")
}

# absent NAME REASON: a step that cannot run here.
absent() {
  say "$1 NOT RUN: $2"
  [ "${CI:-}" != true ] || failed+=("$1 (cannot run, and CI=true)")
}

formatted() {
  local files
  files=$(find . \( -name node_modules -o -name testdata -o -name '.?*' \) -prune -o -name '*.go' -print0 |
    xargs -0r "$(go env GOROOT)/bin/gofmt" -l)
  [ -z "$files" ] || { printf 'run gofmt -w on:\n%s\n' "$files"; return 1; }
}

# The agent must build for the smallest Pi (ARMv6, no cgo), on which nobody runs the tests. With the flags of dist.sh, by which e2e/crossarch builds it too.
pi_zero() { GOOS=linux GOARCH=arm GOARM=6 CGO_ENABLED=0 go build -trimpath -tags netgo,osusergo ./agent/... ./shared/...; }

# linted builds staticcheck by itself, since what it looks at is built with other flags.
linted() {
  local bin
  bin=$(mktemp -d)
  GOBIN=$bin go install "$staticcheck" && GOFLAGS="${GOFLAGS:-} ${race[*]}" "$bin/staticcheck" ./...
  set -- $?
  rm -rf "$bin"
  return "$1"
}

# Known vulnerabilities of what is built in, from vuln.go.dev, or from the module proxy where only that can be reached.
vulnerabilities() {
  local found db
  found=$(mktemp)
  if ! go run "$govulncheck" -scan package -format json ./... >"$found" 2>/dev/null; then
    db=$(go mod download -json golang.org/x/vulndb@latest | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
    [ -n "$db" ] && go run "$govulncheck" -db "file://$db/data/osv" -scan package -format json ./... >"$found" || return
  fi
  go run ./scripts/vulns "$found"
  set -- $?
  rm -f "$found"
  return "$1"
}

page_types() { scripts/install-test-deps.sh node && npm --prefix e2e/browser run --silent check; }

step gofmt formatted
step "go vet" go vet "${race[@]}" ./...
step "go vet, e2e/oidc" go -C e2e/oidc vet ./...
step "build for ARMv6" pi_zero
if go run "$staticcheck" -version >/dev/null 2>&1; then
  step staticcheck linted
else
  absent staticcheck "go run $staticcheck does not work here (no module proxy?)"
fi
if go run "$govulncheck" -version >/dev/null 2>&1; then
  step "known vulnerabilities" vulnerabilities
else
  absent "known vulnerabilities" "go run $govulncheck does not work here (no module proxy?)"
fi
if [ ! -f e2e/browser/package.json ]; then
  say "tsc: no page to check yet"
elif scripts/install-test-deps.sh node >/dev/null 2>&1 || [ $? -ne 3 ]; then
  step tsc page_types
else
  absent tsc "node 20 or newer, or npm, is missing: apt-get install nodejs npm, or a newer one from nodejs.org"
fi
if command -v shellcheck >/dev/null; then
  step shellcheck shellcheck scripts/*.sh examples/shell/*.sh deployments/deb/{postinst,prerm,postrm} e2e/install/*.sh .ci/run e2e/v4l2vm/*.sh e2e/v4l2vm/guest/{init,rig.sh}
else
  absent shellcheck "shellcheck is missing: apt-get install shellcheck"
fi
step "house rules" go test -count=1 .

[ ${#failed[@]} -eq 0 ] || { printf 'check: FAILED: %s\n' "${failed[@]}"; exit 1; }
say "all clean"

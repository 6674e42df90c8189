#!/usr/bin/env bash
# The static half of CI: linters, known vulnerabilities, the page's types. Every step runs, even after one has failed.
# A linter that cannot be had is named and passed over; with CI=true it is an error.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
export GOTOOLCHAIN=auto # the toolchain line of go.mod counts

golangci=github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
govulncheck=golang.org/x/vuln/cmd/govulncheck@v1.9.0
failed=()

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

# lint builds golangci-lint once (75 s) and keeps it, because `go run` would link it each time.
lint() {
  local bin=${XDG_CACHE_HOME:-$HOME/.cache}/bramble/bin
  [ -x "$bin/golangci-lint" ] && [ "$("$bin/golangci-lint" version --short)" = "${golangci##*@v}" ] ||
    GOBIN=$bin go install "$golangci" || return
  "$bin/golangci-lint" run ./... && (cd e2e/oidc && "$bin/golangci-lint" run --config ../../.golangci.yml ./...)
}

# long_lines finds lines of over 120 columns in what golangci-lint does not read.
long_lines() {
  local files
  files=$(git ls-files '*.js' '*.mjs' '*.css' '*.html' '*.sh' '*.yml' .ci/run Makefile |
    xargs awk 'length > 120 { printf "%s:%d: %d columns\n", FILENAME, FNR, length }')
  [ -z "$files" ] || { printf '%s\n' "$files"; return 1; }
}

# The agent must build for the smallest Pi (ARMv6, no cgo). e2e/crossarch builds it with the same flags as dist.sh.
pi_zero() {
  GOOS=linux GOARCH=arm GOARM=6 CGO_ENABLED=0 go build -trimpath -tags netgo,osusergo ./agent/... ./shared/...
}

# Known vulnerabilities of what is built in, from vuln.go.dev, or from the module proxy where only that can be reached.
vulnerabilities() {
  local found db
  found=$(mktemp)
  if ! go run "$govulncheck" -scan package -format json ./... >"$found" 2>/dev/null; then
    db=$(go mod download -json golang.org/x/vulndb@latest | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
    [ -n "$db" ] && go run "$govulncheck" -db "file://$db/data/osv" -scan package -format json ./... >"$found" ||
      return
  fi
  go run ./scripts/vulns "$found"
  set -- $?
  rm -f "$found"
  return "$1"
}

page_types() { scripts/install-test-deps.sh node && npm --prefix e2e/browser run --silent check; }

if go list -m "${golangci/cmd\/golangci-lint/}" >/dev/null 2>&1; then
  step golangci-lint lint
else
  absent golangci-lint "$golangci cannot be had (no module proxy?)"
fi
step "go mod tidy" go mod tidy -diff
step "go mod tidy, e2e/oidc" go -C e2e/oidc mod tidy -diff
step "long lines" long_lines
step "build for ARMv6" pi_zero
if go run "$govulncheck" -version >/dev/null 2>&1; then
  step "known vulnerabilities" vulnerabilities
else
  absent "known vulnerabilities" "go run $govulncheck does not work here (no module proxy?)"
fi
if scripts/install-test-deps.sh node >/dev/null 2>&1 || [ $? -ne 3 ]; then
  step tsc page_types
else
  absent tsc "node 20 or newer, or npm, is missing: apt-get install nodejs npm, or a newer one from nodejs.org"
fi
if command -v shellcheck >/dev/null; then
  mapfile -t shell < <(git ls-files '*.sh' .ci/run deployments/deb/postinst deployments/deb/prerm \
    deployments/deb/postrm e2e/v4l2vm/guest/init)
  step shellcheck shellcheck "${shell[@]}"
else
  absent shellcheck "shellcheck is missing: apt-get install shellcheck"
fi
step "house rules" go test -count=1 .

[ ${#failed[@]} -eq 0 ] || { printf 'check: FAILED: %s\n' "${failed[@]}"; exit 1; }
say "all clean"

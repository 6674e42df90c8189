#!/usr/bin/env bash
# What can be checked without tests: linters, formats, types, known vulnerabilities. Every step runs, also after one has
# failed. It needs the module proxy, npm and shellcheck.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
export GOTOOLCHAIN=auto # the toolchain line of go.mod counts

golangci=github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
govulncheck=golang.org/x/vuln/cmd/govulncheck@v1.9.0
failed=()
bin=${XDG_CACHE_HOME:-$HOME/.cache}/bramble/bin # golangci-lint takes 75 s to build
mkdir -p "$bin"

say() { printf 'check: %s\n' "$*"; }

# step NAME COMMAND...: runs it and remembers a failure.
step() {
  say "$1"
  "${@:2}" || failed+=("$1")
}

# tool PACKAGE@VERSION: builds a program of another module, unless it is there.
tool() {
  local name=${1%@*}
  name=$bin/${name##*/}
  go version -m "$name" 2>/dev/null | grep -q "[[:space:]]${1##*@}[[:space:]]" || GOBIN=$bin go install "$1"
}

lint() {
  tool "$golangci" && "$bin/golangci-lint" run ./... &&
    (cd e2e/oidc && "$bin/golangci-lint" run --config ../../.golangci.yml ./...)
}

# Long lines in what golangci-lint does not read.
long_lines() {
  git ls-files '*.js' '*.mjs' '*.css' scripts .ci .github Makefile .golangci.yml |
    xargs awk 'length > 120 { printf "%s:%d: %d columns\n", FILENAME, FNR, length; bad = 1 } END { exit bad }'
}

tidy() { go mod tidy -diff && go -C e2e/oidc mod tidy -diff; }

# The agent must build for the smallest Pi (ARMv6, no cgo).
pi_zero() {
  GOOS=linux GOARCH=arm GOARM=6 CGO_ENABLED=0 go build -trimpath -tags netgo,osusergo ./agent/... ./shared/...
}

# Vulnerabilities that no version fixes and that do no harm here. As soon as one is fixed the check fails.
accepted=(
  GO-2026-6872 # Context.RealIP of echo trusts headers; .golangci.yml forbids it (2026-11-30)
  GO-2026-6875 # so does echo's reverse proxy; .golangci.yml forbids it (2026-11-30)
)

# In the packages that are built in, Go's own included, by vuln.go.dev or by its copy on the module proxy.
vulnerabilities() {
  local db=https://vuln.go.dev found
  tool "$govulncheck" || return
  if ! curl -sfI -o /dev/null --max-time 10 "$db/index/db.json"; then
    db=file://$(go mod download -json golang.org/x/vulndb@latest | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')/data/osv
  fi
  found=$("$bin/govulncheck" -db "$db" -scan package ./... 2>&1)
  case $? in 0 | 3) ;; *) echo "$found" && return 1 ;; esac # 3: something was found
  awk -v accepted=" ${accepted[*]} " '/^Vulnerability #/ { id = $3 }
    /^ *Found in:/ { found = $3 }
    /^ *Fixed in:/ && ($3 != "N/A" || index(accepted, " " id " ") == 0) { print id, found, "fixed in", $3; bad = 1 }
    END { exit bad }' <<<"$found"
}

page_types() { scripts/install-test-deps.sh check && npm --prefix e2e/browser run --silent check; }

shell() {
  git ls-files '*.sh' .ci/run deployments/deb/{postinst,prerm,postrm} e2e/v4l2vm/guest/init | xargs shellcheck
}

step "golangci-lint (.golangci.yml)" lint
step "go mod tidy" tidy
step "long lines" long_lines
step "build for ARMv6" pi_zero
step "known vulnerabilities" vulnerabilities
step "types of the page" page_types
step "shellcheck" shell

[ ${#failed[@]} -eq 0 ] || { printf 'check: FAILED: %s\n' "${failed[@]}"; exit 1; }
say "all clean"

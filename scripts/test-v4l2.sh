#!/usr/bin/env bash
# Runs what needs V4L2 devices, in a virtual machine that has some (e2e/v4l2vm): unit tests of the V4L2 packages, which
# skip themselves elsewhere, and agents in the guest with a hub here (e2e/v4l2). It uses KVM only where that helps.
# Arguments go to `go test`, for example -run TestVM/replug. With "prepare" it only downloads and compiles.
set -euo pipefail
cd "$(dirname "$0")/.."
export GOTOOLCHAIN=auto # the toolchain line of go.mod counts

say() { printf 'test-v4l2: %s\n' "$*" >&2; }

# absent REASON: these tests cannot run here.
absent() {
  say "NOT RUN: $1"
  [ "${CI:-}" != true ] || exit 1
  exit 0
}

[ "$(uname -sm)" = "Linux x86_64" ] || absent "they need a Linux machine of the x86_64 kind"
scripts/install-test-deps.sh v4l2 >&2 || absent "what is named above is missing"

bin=$(mktemp -d)
trap 'rm -rf "$bin"; kill "$machine" 2>/dev/null || true' EXIT

export V4L2VM_CACHE=${V4L2VM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/bramble/v4l2vm}
e2e/v4l2vm/build.sh >&2 & # it mostly waits for downloads
machine=$!

# Static, as they are shipped, and so that the guest needs no libraries.
say "building the agent and the unit tests for the guest"
tags=(-tags 'netgo osusergo')
static=("${tags[@]}" -ldflags '-linkmode external -extldflags -static')
export CGO_ENABLED=1
go build "${static[@]}" -o "$bin/" ./agent/cmd/bramble-agent
go test -c "${static[@]}" -o "$bin/" ./agent/internal/source/v4l2 ./agent/internal/source/v4l2/device
wait "$machine"
[ "${1:-}" != prepare ] || exit 0

say "testing in virtual machines, about 3 minutes"
export BRAMBLE_V4L2_BIN=$bin BRAMBLE_V4L2_PROGRESS=$bin/progress
touch "$BRAMBLE_V4L2_PROGRESS"
tail -n +1 -f --pid=$$ "$BRAMBLE_V4L2_PROGRESS" | sed -u 's/^/test-v4l2: /' >&2 &
# shellcheck disable=SC2086 # a command with its arguments
${GOTEST:-scripts/test.sh} "$@" ./e2e/v4l2

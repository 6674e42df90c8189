#!/usr/bin/env bash
# Builds the static programs for PCs and every Raspberry Pi into dist/, with SHA256SUMS.
#
#   scripts/dist.sh [ARCH...]      amd64, arm64, armv7, armv6 (default: all)
#
#   bramble-agent-linux-ARCH            the agent with USB webcams (V4L2), which needs a C compiler for ARCH
#   bramble-agent-no-v4l2-linux-ARCH    the agent without C: Pi camera, commands and files only; needs only Go
#   bramble-hub-linux-ARCH              the hub
#
# If a C compiler is missing, the script names its package and builds the rest. With CI=true that is an error.
# VERSION is the version of the programs, DIST the output folder. PROGRAMS selects some of: agent agent-no-v4l2 hub.
set -euo pipefail
cd "$(dirname "$0")/.."
export GOTOOLCHAIN=auto # the toolchain line of go.mod counts

all=(amd64 arm64 armv7 armv6)
dist=${DIST:-dist}
version=${VERSION:-$(scripts/default-version.sh)}
read -ra programs <<<"${PROGRAMS:-agent agent-no-v4l2 hub}"
archs=("$@")
[ ${#archs[@]} -gt 0 ] || archs=("${all[@]}")

say() { printf 'dist: %s\n' "$*"; }

# target ARCH: sets GOARCH and GOARM, and the C compiler with its Debian package and its flags.
target() {
  export GOOS=linux GOARCH=$1 GOARM=''
  export CGO_CFLAGS='-O2 -g'
  package=''
  case $1 in
    amd64) compiler=x86_64-linux-gnu-gcc package='gcc libc6-dev' ;;
    arm64) compiler=aarch64-linux-gnu-gcc package='gcc-aarch64-linux-gnu libc6-dev-arm64-cross' ;;
    armv7)
      compiler=arm-linux-gnueabihf-gcc package='gcc-arm-linux-gnueabihf libc6-dev-armhf-cross' GOARCH=arm GOARM=7
      ;;
    # The C library of Debian's gnueabihf compiler is made for ARMv7 and crashes on a Pi Zero. That of gnueabi is older.
    armv6)
      compiler=arm-linux-gnueabi-gcc package='gcc-arm-linux-gnueabi libc6-dev-armel-cross' GOARCH=arm GOARM=6
      CGO_CFLAGS+=' -march=armv6'
      ;;
    *) say "unknown architecture $1: known are ${all[*]}"; exit 2 ;;
  esac
  # With 64-bit times, the default of Debian 13, struct v4l2_buffer is larger than go4vl expects. Capture times would be
  # wrong.
  [ "$GOARCH" != arm ] || CGO_CFLAGS+=' -U_TIME_BITS'
  if [ "$GOARCH" = "$(go env GOHOSTARCH)" ] && ! command -v "$compiler" >/dev/null; then
    compiler=$(go env CC)
  fi
}

# build NAME PACKAGE LDFLAGS: builds with netgo and osusergo, because the C library's resolver and user database do not
# work in a static program. Without C they are the default, but with the same tags both kinds of agent share the cache.
build() {
  local name=$1 pkg=$2 ldflags=$3
  go build -trimpath -buildvcs=false -tags netgo,osusergo -ldflags "-s -w -X main.version=$version $ldflags" \
    -o "$dist/$name" "$pkg"
  say "$name ($(($(wc -c <"$dist/$name") / 1024)) KiB)"
}

without_c() { CGO_ENABLED=0 build "$1" "$2" ''; }

# with_c NAME PACKAGE
with_c() {
  if ! command -v "$compiler" >/dev/null; then
    say "NOT BUILT: $1, because $compiler is missing. On Debian: apt-get install $package"
    missing=1
    return
  fi
  CGO_ENABLED=1 CC=$compiler build "$1" "$2" '-linkmode external -extldflags -static'
}

missing=0
mkdir -p "$dist"
for arch in "${archs[@]}"; do
  target "$arch"
  for program in "${programs[@]}"; do
    rm -f "$dist/bramble-$program-linux-$arch" # a failed build must not leave an old program
    case $program in
      agent) with_c "bramble-agent-linux-$arch" ./agent/cmd/bramble-agent ;;
      agent-no-v4l2) without_c "bramble-agent-no-v4l2-linux-$arch" ./agent/cmd/bramble-agent ;;
      hub) without_c "bramble-hub-linux-$arch" ./hub/cmd/bramble-hub ;;
      *) say "unknown program $program: known are agent, agent-no-v4l2 and hub"; exit 2 ;;
    esac
  done
done
(cd "$dist" && find . -maxdepth 1 -name 'bramble-*' -printf '%f\n' | sort | xargs -r sha256sum >SHA256SUMS)
[ "$missing" -eq 0 ] || [ "${CI:-}" != true ] || { say "CI=true: a missing compiler is an error"; exit 1; }

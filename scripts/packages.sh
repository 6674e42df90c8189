#!/usr/bin/env bash
# Makes Debian packages from the programs that scripts/dist.sh has built, in the same folder, and writes SHA256SUMS.
#
#   scripts/packages.sh [ARCH...]      amd64, arm64, armhf (default: all)
#
#   bramble-hub_VERSION_ARCH.deb       the hub
#   bramble-agent_VERSION_ARCH.deb     the agent, with USB webcams (V4L2)
#
# Raspberry Pi OS and Debian both call 32-bit Pis armhf, and apt cannot tell ARMv6 from ARMv7. So that package contains
# the ARMv6 program, which is static and runs on all Pis. On a Pi 2 or newer the operator can put the ARMv7 program into
# /usr/local/bin instead.
#
# VERSION is a semantic version, or the output of git describe. DIST is the folder.
set -euo pipefail
cd "$(dirname "$0")/.."
export GOTOOLCHAIN=auto # the toolchain line of go.mod counts

nfpm=github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.43.0
dist=${DIST:-dist}
version=${VERSION:-$(scripts/default-version.sh)}
archs=("$@")
[ ${#archs[@]} -gt 0 ] || archs=(amd64 arm64 armhf)

say() { printf 'packages: %s\n' "$*"; }

# deb_version VERSION: prints the version for dpkg, in an order that dpkg understands: 1.2.3-rc.1 is before 1.2.3, and
# 1.2.3-4-gabc, four commits later, is after it.
deb_version() {
  local v=$1
  if [[ $v =~ ^([0-9.]+)-([0-9]+)-g([0-9a-f]+.*)$ ]]; then
    v="${BASH_REMATCH[1]}+${BASH_REMATCH[2]}.g${BASH_REMATCH[3]}"
  else
    v=${v/-/"~"}
  fi
  printf '%s\n' "${v//-/.}"
}

if [ "${1:-}" = --deb-version ]; then
  deb_version "$2"
  exit
fi

if ! output=$(go run "$nfpm" --version 2>&1); then
  say "NO PACKAGES: go run $nfpm does not work here (no module proxy?): $output"
  [ "${CI:-}" != true ] || exit 1
  exit 0
fi
rm -f "$dist"/bramble-*.deb
missing=0
for arch in "${archs[@]}"; do
  built=$arch
  [ "$arch" != armhf ] || built=armv6
  for program in agent hub; do
    from=$dist/bramble-$program-linux-$built
    if [ ! -f "$from" ]; then
      say "NO PACKAGE: bramble-$program for $arch, because $from does not exist: scripts/dist.sh names the cause"
      missing=1
      continue
    fi
    target=$dist/bramble-${program}_$(deb_version "$version")_$arch.deb
    PROGRAM=$from ARCH=${arch/armhf/arm6} VERSION=$(deb_version "$version") \
      go run "$nfpm" package -f "deployments/deb/bramble-$program.yaml" -p deb -t "$target" >/dev/null
    say "${target##*/} ($(($(wc -c <"$target") / 1024)) KiB)"
  done
done
(cd "$dist" && find . -maxdepth 1 -name 'bramble-*' -printf '%f\n' | sort | xargs -r sha256sum >SHA256SUMS)
[ "$missing" -eq 0 ] || [ "${CI:-}" != true ] || { say "CI=true: a missing package is an error"; exit 1; }

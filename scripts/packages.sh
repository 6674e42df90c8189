#!/usr/bin/env bash
# Makes Debian packages of the programs that scripts/dist.sh has built, beside them, and writes SHA256SUMS for all.
#
#   scripts/packages.sh [ARCH...]      amd64, arm64, armhf; without arguments all of them
#
#   bramble-hub_VERSION_ARCH.deb       the hub
#   bramble-agent_VERSION_ARCH.deb     the agent, with USB webcams (V4L2)
#
# armhf is what both the 32-bit Raspberry Pi OS and Debian call 32-bit Pis, and they are told apart by nothing that apt looks at: so that package holds the
# ARMv6 program, which is static and runs on all of them. Who wants the ARMv7 one on a Pi 2 or newer puts it into /usr/local/bin by hand.
#
# VERSION is a semantic version, or what git describe makes of one; DIST another folder.
set -euo pipefail
cd "$(dirname "$0")/.."
export GOTOOLCHAIN=auto # the toolchain line of go.mod counts

nfpm=github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.43.0
dist=${DIST:-dist}
version=${VERSION:-$(scripts/default-version.sh)}
archs=("$@")
[ ${#archs[@]} -gt 0 ] || archs=(amd64 arm64 armhf)

say() { printf 'packages: %s\n' "$*"; }

# deb_version VERSION: the same for dpkg, so that versions sort as they came: 1.2.3-rc.1 before 1.2.3, 1.2.3-4-gabc, four commits later, after it.
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

if ! said=$(go run "$nfpm" --version 2>&1); then
  say "NO PACKAGES: go run $nfpm does not work here (no module proxy?): $said"
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
      say "NO PACKAGE: bramble-$program for $arch, since $from is not there: scripts/dist.sh says why"
      missing=1
      continue
    fi
    target=$dist/bramble-${program}_$(deb_version "$version")_$arch.deb
    PROGRAM=$from ARCH=${arch/armhf/arm6} VERSION=$(deb_version "$version") go run "$nfpm" package -f "deployments/deb/bramble-$program.yaml" -p deb -t "$target" >/dev/null
    say "${target##*/} ($(($(wc -c <"$target") / 1024)) KiB)"
  done
done
(cd "$dist" && find . -maxdepth 1 -name 'bramble-*' -printf '%f\n' | sort | xargs -r sha256sum >SHA256SUMS)
[ "$missing" -eq 0 ] || [ "${CI:-}" != true ] || { say "CI=true: a missing package is an error"; exit 1; }

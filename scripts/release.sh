#!/usr/bin/env bash
# Makes all files of a release in dist/, and lists them. Nothing is published: .github/workflows/release.yml does that.
#
#   scripts/release.sh VERSION      a semantic version, such as 1.2.0 or 1.2.0-rc.1
#
#   bramble-*-linux-ARCH            the programs (scripts/dist.sh)
#   bramble-*_VERSION_ARCH.deb      the Debian packages (scripts/packages.sh)
#   bramble-*.cdx.json              a bill of materials of each program (CycloneDX)
#   SHA256SUMS                      the checksums of all of these
#   notes.md                        the release notes: the version's section of CHANGELOG.md
#
# Without a section for VERSION the notes are those of [Unreleased]; with CI=true that is an error.
set -euo pipefail
cd "$(dirname "$0")/.."
export GOTOOLCHAIN=auto # the toolchain line of go.mod counts

cyclonedx=github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0
dist=${DIST:-dist}
version=${1:-}

say() { printf 'release: %s\n' "$*"; }

if [[ ! $version =~ ^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.]+)?$ ]]; then
  say "\"$version\" is not a semantic version such as 1.2.0 or 1.2.0-rc.1"
  exit 2
fi

# notes NAME: the text of a section of the changelog.
notes() {
  awk -v name="## [$1]" 'index($0, "## [") == 1 { on = index($0, name) == 1; next } on' CHANGELOG.md | sed -e '/./,$!d'
}

rm -rf "$dist"
mkdir -p "$dist"
notes "$version" >"$dist/notes.md"
if [ ! -s "$dist/notes.md" ]; then
  say "CHANGELOG.md has no section [$version]"
  [ "${CI:-}" != true ] || exit 1
  say "the notes are those of [Unreleased]"
  notes Unreleased >"$dist/notes.md"
fi

# With CI=true a program or package that cannot be built is an error.
VERSION=$version CI=true scripts/dist.sh
VERSION=$version CI=true scripts/packages.sh
for program in agent agent-no-v4l2 hub; do
  go run "$cyclonedx" bin -json -licenses -version "v$version" -output "$dist/bramble-$program.cdx.json" \
    "$dist/bramble-$program-linux-amd64" 2>"$dist/log" || { cat "$dist/log"; exit 1; }
done
rm "$dist/log"
(cd "$dist" && sha256sum bramble-* >SHA256SUMS && sha256sum --check --quiet SHA256SUMS)

deb=$(scripts/packages.sh --deb-version "$version")
expected=(notes.md SHA256SUMS bramble-{agent,agent-no-v4l2,hub}.cdx.json
  bramble-{agent,agent-no-v4l2,hub}-linux-{amd64,arm64,armv7,armv6} bramble-{agent,hub}_"$deb"_{amd64,arm64,armhf}.deb)
if ! difference=$(diff <(printf '%s\n' "${expected[@]}" | sort) <(find "$dist" -type f -printf '%f\n' | sort)); then
  say "$dist does not contain what a release has (< missing, > unexpected):"
  printf '%s\n' "$difference"
  exit 1
fi
say "$dist contains"
find "$dist" -type f -printf '%s %f\n' | sort -k 2 | awk '{ printf "%10.1f KiB  %s\n", $1 / 1024, $2 }'

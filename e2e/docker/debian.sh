#!/usr/bin/env bash
# Makes an equivalent of debian:bookworm-slim from Debian's packages, and prints the path of its archive. The archive is
# kept for the next run.
#
# Exit code 3: it cannot be done here, and standard error says why.
set -euo pipefail

cannot() { echo "$*" >&2; exit 3; }

cache=${XDG_CACHE_HOME:-$HOME/.cache}/bramble/docker
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9
stamp=$(sha256sum <"$0")
if [ "$(cat "$cache/stamp" 2>/dev/null)" = "$stamp" ]; then
  echo "$cache/debian.tar"
  exit
fi
root=$cache/root
rm -rf "$root" "$cache/stamp"
debootstrap --variant=minbase --include=ca-certificates bookworm "$root" http://deb.debian.org/debian >"$cache/log" 2>&1 ||
  cannot "debootstrap: $(tail -n 1 "$cache/log")"
rm -f "$root/etc/apt/sources.list"
echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/docker-apt-speedup" # as in the official image
cat >"$root/etc/apt/sources.list.d/debian.sources" <<'END'
Types: deb
URIs: http://deb.debian.org/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://deb.debian.org/debian-security
Suites: bookworm-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
END
rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* "$root"/usr/share/locale/* "$root"/usr/share/man/*
tar -C "$root" -cf "$cache/debian.tar" .
rm -rf "$root"
printf '%s\n' "$stamp" >"$cache/stamp"
echo "$cache/debian.tar"

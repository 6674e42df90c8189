#!/usr/bin/env bash
# Makes the root of a minimal Debian 12 with systemd out of Debian's own packages, and prints its path. It is kept for
# the next time.
#
# Packages are unpacked, and entered in dpkg's status, but their own maintainer scripts do not run: that takes seconds
# instead of minutes. What these would have done, and this root needs, is done below. apt, dpkg and systemd work in it
# as they do anywhere.
#
# Exit code 3: it cannot be done here, and standard error says why.
set -euo pipefail

cannot() { echo "$*" >&2; exit 3; }

[ "$(id -u)" -eq 0 ] || cannot "not root"
grep -qs 'VERSION_CODENAME=bookworm' /etc/os-release || cannot "apt here is not that of Debian 12"
for tool in apt-get dpkg-deb systemd-nspawn nsenter unshare ip; do
  command -v "$tool" >/dev/null || cannot "$tool is not installed"
done

cache=${XDG_CACHE_HOME:-$HOME/.cache}/bramble/install
root=$cache/root
mkdir -p "$cache/debs/partial"
exec 9>"$cache/lock"
flock 9
stamp=$(sha256sum <"$0")
if [ "$(cat "$cache/stamp" 2>/dev/null)" = "$stamp" ]; then
  echo "$root"
  exit
fi
rm -rf "$root" "$cache/stamp"

: >"$cache/status"
fetch() {
  apt-get install -y -qq --download-only --no-install-recommends -o Dir::State::status="$cache/status" -o Dir::Cache::archives="$cache/debs" \
    -o APT::Architecture=amd64 -o Debug::NoLocking=1 '?essential' apt systemd-sysv sudo >"$cache/log" 2>&1
}
fetch || { apt-get update -qq >/dev/null 2>&1 && fetch; } || cannot "apt-get cannot fetch Debian's base packages: $(tail -n 1 "$cache/log")"

mkdir -p "$root"/{usr/bin,usr/sbin,usr/lib,usr/lib64,var/lib/dpkg/info,var/lib/dpkg/updates,var/lib/apt/lists/partial,var/cache/apt/archives/partial,etc,root,proc,sys,dev,tmp,run}
for dir in bin sbin lib lib64; do ln -s "usr/$dir" "$root/$dir"; done
# unpack ROOT DEB...: with as few processes as can be: there are a hundred packages.
unpack() {
  local root=$1 deb control name
  shift
  for deb in "$@"; do
    dpkg-deb --fsys-tarfile "$deb" | tar -x --keep-directory-symlink --exclude='./usr/share/locale/*' --exclude='./usr/share/doc/*' --exclude='./usr/share/man/*' -C "$root"
    control=$(dpkg-deb -f "$deb")
    [[ $control =~ Package:\ ([^[:space:]]+) ]] && name=${BASH_REMATCH[1]}
    [[ ! $control =~ Multi-Arch:\ same ]] || name=$name:amd64
    : >"$root/var/lib/dpkg/info/$name.list"
    printf 'Status: install ok installed\n%s\n\n' "$control" >"$root/var/lib/dpkg/updates/$name"
  done
}
export -f unpack
# shellcheck disable=SC2016 # the inner shell expands it
printf '%s\0' "$cache"/debs/*.deb | xargs -0 -n 16 -P 2 bash -euo pipefail -c 'unpack "$@"' _ "$root"
cat "$root"/var/lib/dpkg/updates/* >"$root/var/lib/dpkg/status"
rm "$root"/var/lib/dpkg/updates/*

# What the packages' scripts would have done.
cp "$root/usr/share/base-passwd/passwd.master" "$root/etc/passwd"
cp "$root/usr/share/base-passwd/group.master" "$root/etc/group"
cp "$root/usr/share/libc-bin/nsswitch.conf" "$root/etc/"
ln -sf mawk "$root/usr/bin/awk"
chroot "$root" ldconfig
# sudo is the real one, for what it logs. Root runs everything, and PAM admits root.
for name in auth account password session session-noninteractive; do
  printf '%s required pam_permit.so\n' "${name%%-*}" >"$root/etc/pam.d/common-$name"
done
printf '127.0.0.1 localhost\n127.0.1.1 hub pi\n' >"$root/etc/hosts" # sudo waits 20 s for the host's name else
printf 'Defaults env_keep += "DEBIAN_FRONTEND"\n' >"$root/etc/sudoers.d/frontend"
chmod 440 "$root/etc/sudoers.d/frontend"
# These delay the start by seconds and do nothing here.
for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer \
  systemd-tmpfiles-clean.timer getty.target systemd-update-utmp.service systemd-pstore.service \
  systemd-firstboot.service; do
  ln -sf /dev/null "$root/etc/systemd/system/$unit"
done
printf '%s\n' "$stamp" >"$cache/stamp"
echo "$root"

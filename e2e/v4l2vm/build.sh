#!/usr/bin/env bash
# Builds what the virtual machine needs into the cache: a kernel with modules from Debian's packages, v4l2loopback, the
# guest's programs, and the clips that its cameras show. Nothing of the system is changed, and root is not needed. What
# is there and fresh is left alone; run.sh calls this first.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${V4L2VM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/bramble/v4l2vm}

# What the guest's kernel loads (with what that depends on). v4l2loopback is added by build_loopback.
modules=(virtio_pci virtio_net virtio_console 9p 9pnet_virtio vivid uvcvideo vhci-hcd)

say() { printf 'v4l2vm: %s\n' "$*" >&2; }
fail() {
  say "$*"
  exit 1
}

# sum FILE...: what a part of the cache was made from.
sum() { cat "$@" | sha256sum | cut -d ' ' -f 1; }
is_fresh() { [ "$(cat "$cache/stamps/$1" 2>/dev/null)" = "$2" ]; }
set_fresh() { echo "$2" >"$cache/stamps/$1"; }

need() {
  local tool lacking=()
  for tool in apt-cache:apt dpkg-deb:dpkg ffmpeg:ffmpeg v4l2-ctl:v4l-utils gcc:gcc make:make strip:binutils xz:xz-utils perl:perl-base; do
    command -v "${tool%%:*}" >/dev/null || lacking+=("${tool##*:}")
  done
  [ ${#lacking[@]} -eq 0 ] || fail "not installed: ${lacking[*]}. Try scripts/install-test-deps.sh, or apt-get install ${lacking[*]}"
  [ "$(uname -m)" = x86_64 ] || fail "this needs an x86_64 machine: it builds a kernel module for the guest"
}

# --- Debian's packages
# The packages are always those of Debian 12, whatever runs here. apt's own lists serve if they know them; if not, lists
# of our own do.
apt=()
own_lists() {
  say "reading Debian's package lists"
  mkdir -p "$cache/apt/lists/partial" "$cache/apt/archives/partial"
  apt=(-o "Dir::State=$cache/apt" -o "Dir::Cache=$cache/apt" -o APT::Sandbox::User=root)
  if ! is_debian12; then
    local key=/usr/share/keyrings/debian-archive-keyring.gpg suite
    [ -e "$key" ] || fail "Debian's keys are missing: apt-get install debian-archive-keyring"
    for suite in "debian bookworm" "debian-security bookworm-security"; do
      echo "deb [arch=amd64 signed-by=$key] http://deb.debian.org/$suite main"
    done >"$cache/apt/sources.list"
    apt+=(-o "Dir::Etc::SourceList=$cache/apt/sources.list" -o Dir::Etc::SourceParts=/dev/null -o Dir::Etc::Preferences=/dev/null
      -o Dir::Etc::PreferencesParts=/dev/null)
  fi
  apt-get "${apt[@]}" -q -q -o Acquire::Retries=3 update >&2 || fail "apt-get update failed: is there a network?"
}
is_debian12() { grep -qx 'VERSION_CODENAME=bookworm' /etc/os-release && grep -qx 'ID=debian' /etc/os-release; }

# newest_kernel: the package that linux-image-amd64 stands for; nothing if apt does not know it.
newest_kernel() {
  { apt-cache "${apt[@]}" depends linux-image-amd64 2>/dev/null || true; } | sed -n 's/.*Depends: \(linux-image-6\.1\.[0-9.-]*-amd64\)$/\1/p'
}

# unpack PACKAGE...: into $x, downloaded once.
unpack() {
  local p deb
  mkdir -p "$cache/debs"
  for p in "$@"; do
    deb=$(find "$cache/debs" -name "${p}_*.deb" | head -n 1)
    if [ -z "$deb" ]; then
      say "downloading $p"
      (cd "$cache/debs" && apt-get "${apt[@]}" -q -q -o APT::Sandbox::User=root -o Acquire::Retries=3 download "$p" >&2) || return 1
      deb=$(find "$cache/debs" -name "${p}_*.deb" | head -n 1)
    fi
    touch "$deb"
    dpkg-deb -x "$deb" "$x" || return 1
  done
}

# kernel_packages KERNEL: the names of its packages, and of what else the guest is made from.
kernel_packages() {
  local version=${1#linux-image-} abi
  abi=${version%-amd64}
  echo "$1 linux-headers-$version linux-headers-$abi-common linux-kbuild-6.1 v4l2loopback-dkms busybox-static"
}

# --- kernel
build_kernel() {
  local image version
  is_debian12 || own_lists
  image=$(newest_kernel)
  # shellcheck disable=SC2046 # a list of packages
  if [ -z "$image" ] || ! unpack $(kernel_packages "$image"); then # lists that are missing or too old
    own_lists
    image=$(newest_kernel)
    [ -n "$image" ] || fail "apt does not know linux-image-amd64 6.1: are Debian's sources set?"
    # shellcheck disable=SC2046
    unpack $(kernel_packages "$image") || fail "a package could not be had, see above"
  fi
  rm -rf "$cache/apt" # lists take more than all the rest
  version=${image#linux-image-}
  rm -rf "$cache/kernel"
  mkdir -p "$cache/kernel"
  say "unpacking the kernel"
  unpack_vmlinux "$x/boot/vmlinuz-$version" "$cache/kernel/vmlinux"
  cp "$x/bin/busybox" "$cache/kernel/busybox"
  build_loopback "$version"
  collect_modules "$version"
}

# unpack_vmlinux FROM TO: here, since in the guest it takes most of the boot. (QEMU enters an ELF kernel by its PVH
# note.)
unpack_vmlinux() {
  local at
  at=$(LC_ALL=C grep -abo $'\xfd7zXZ' "$1" | head -n 1 | cut -d : -f 1)
  [ -n "$at" ] || fail "$1 is not packed by xz"
  # xz stops reading at the end of its stream, which ends tail by a signal
  { tail -c "+$((at + 1))" "$1" || true; } 2>/dev/null | xz -dc --single-stream >"$2"
  strip "$2"
}

# build_loopback KERNELVERSION: against the unpacked headers. In Debian's version REQBUFS of a reader marks all buffers
# as full, so that the reader's first frame is garbage of the size of a buffer, as no camera would send it: one line is
# mended.
build_loopback() {
  local headers=$x/usr/src/linux-headers-$1 common source=$x/loopback
  common=$x/usr/src/linux-headers-${1%-amd64}-common
  say "building v4l2loopback for $1"
  cp -r "$x"/usr/src/v4l2loopback-* "$source"
  sed -i '/^static int vidioc_reqbufs/,/^}/ s/^\tinit_buffers(dev);/\tif (!dev->ready_for_capture) init_buffers(dev);/' "$source/v4l2loopback.c"
  grep -q 'ready_for_capture) init_buffers' "$source/v4l2loopback.c" || fail "v4l2loopback has changed: mend build_loopback"
  sed -i "s#^include .*#include $common/Makefile#" "$headers/Makefile"
  make -s -C "$headers" M="$source" DEBIAN_KERNEL_NO_CC_VERSION_CHECK=y modules >"$source/log" 2>&1 || {
    cat "$source/log" >&2
    fail "v4l2loopback does not build, see above"
  }
  mkdir -p "$x/lib/modules/$1/extra"
  cp "$source/v4l2loopback.ko" "$x/lib/modules/$1/extra/"
}

# collect_modules KERNELVERSION: those in the list above, v4l2loopback, and what they depend on.
collect_modules() {
  local all=$x/lib/modules/$1 mine=$cache/kernel/lib/modules/$1 name file
  "$cache/kernel/busybox" depmod -b "$x" "$1" >/dev/null 2>&1
  mkdir -p "$mine"
  for name in "${modules[@]}" v4l2loopback; do
    grep -E "(^|/)${name//[-_]/[-_]}\.ko:" "$all/modules.dep" || fail "the kernel has no module $name"
  done | tr -s ': ' '\n' | sort -u | while read -r file; do
    install -D -m 644 "$all/$file" "$mine/$file"
    strip --strip-debug "$mine/$file"
  done
  cp "$all"/modules.builtin* "$all/modules.order" "$mine/"
  "$cache/kernel/busybox" depmod -b "$cache/kernel" "$1" >/dev/null 2>&1
}

# --- clips
# Moving pictures with the noise of a sensor, no two alike, 5 s at 30 fps. MJPEG 4:2:2 with the standard Huffman tables,
# about 75 kB a picture, as webcams send it. H.264 baseline with a key frame each second, in the form that goes over
# Bramble's wire, but that a delimiter (NAL unit type 9) is in front of each access unit; what feeds the devices takes
# that away.
build_clips() {
  say "making the clips"
  rm -rf "$cache/clips"
  mkdir -p "$cache/clips"
  (
    cd "$cache/clips"
    scene() { echo "testsrc2=size=$1:rate=30,noise=alls=12:allf=t+u"; }
    make_clip() { ffmpeg -nostdin -v error -y -f lavfi -i "$(scene "$1")" "${@:2}"; }
    make_clip 1280x720 -frames:v 150 -pix_fmt yuvj422p -c:v mjpeg -q:v 6 -huffman default -f mjpeg mjpeg.raw
    make_clip 640x480 -frames:v 150 -pix_fmt yuvj422p -c:v mjpeg -q:v 8 -huffman default -f mjpeg mjpeg640.raw
    make_clip 320x240 -frames:v 60 -pix_fmt yuyv422 -c:v rawvideo -f rawvideo yuyv320.raw
    make_clip 1280x720 -frames:v 150 -pix_fmt yuv420p -c:v libx264 -preset veryfast -profile:v baseline -level 3.1 -g 30 -bf 0 -refs 1 \
      -b:v 2500k -maxrate 2500k -bufsize 2500k -x264-params scenecut=0:repeat-headers=1:sliced-threads=0 -bsf:v h264_metadata=aud=insert -f h264 - |
      perl -0777 -pe 's/(?<!\x00)\x00\x00\x01/\x00\x00\x00\x01/g' >h264.raw
  )
}

# --- initramfs
build_initramfs() {
  local root=$x/root name lib
  say "building the guest's programs"
  mkdir -p "$root/bin" "$root/lib/x86_64-linux-gnu" "$root/lib64" "$root/dev"
  cp "$cache/kernel/busybox" "$root/bin/"
  cp -r "$cache/kernel/lib/modules" "$root/lib/"
  for name in loopfeed uvccam; do
    gcc -O2 -Wall -Wextra -Werror -static -s -o "$root/bin/$name" "$here/guest/$name.c"
  done
  install -m 755 "$here/guest/init" "$root/init"
  cp "$here/guest/rig.sh" "$root/lib/"
  for name in plug unplug freeze thaw node opened; do # the functions that tests call
    # shellcheck disable=SC2016 # for the guest's shell
    printf '#!/bin/sh\n. /share/env; . /lib/rig.sh; %s "$@"\n' "$name" >"$root/bin/$name"
    chmod 755 "$root/bin/$name"
  done
  cp -L "$(command -v v4l2-ctl)" "$root/bin/"
  ldd "$root/bin/v4l2-ctl" | sed -n 's/.*=> \(\/[^ ]*\).*/\1/p' | while read -r lib; do cp -L "$lib" "$root/lib/x86_64-linux-gnu/"; done
  cp -L /lib64/ld-linux-x86-64.so.2 "$root/lib64/"
  (cd "$root" && find . | "$cache/kernel/busybox" cpio -o -H newc -R 0:0 2>/dev/null) >"$cache/initrd.cpio"
}

# --- the parts, each with what it is made from
kernel=$(sum "$here/build.sh")
clips=$kernel
initramfs=$(sum "$here/build.sh" "$here"/guest/*)
all_fresh() { is_fresh kernel "$kernel" && is_fresh clips "$clips" && is_fresh initramfs "$initramfs"; }

mkdir -p "$cache/stamps"
# Guests in use hold the lock shared (run.sh does, and hands it down as descriptor 9): what they were built from must
# not change under them.
{ true >&9; } 2>/dev/null || exec 9>"$cache/lock"
flock -s 9
all_fresh && exit
flock -n 9 || {
  say "waiting for another build, or for guests of another version to end"
  flock 9
}
need
x=$cache/build # left over if a build was killed
rm -rf "$x"
mkdir "$x"
trap 'rm -rf "$x"' EXIT
if ! is_fresh kernel "$kernel"; then
  touch "$cache/stamps/began"
  build_kernel
  find "$cache/debs" -type f ! -newer "$cache/stamps/began" -delete # an older kernel's
  set_fresh kernel "$kernel"
  rm -f "$cache/stamps/initramfs"
fi
if ! is_fresh clips "$clips"; then
  build_clips
  set_fresh clips "$clips"
fi
if ! is_fresh initramfs "$initramfs"; then
  build_initramfs
  set_fresh initramfs "$initramfs"
fi
flock -s 9
say "ready in $cache"

#!/usr/bin/env bash
# Boots a small virtual machine that has real V4L2 devices and runs one program in it: see README.md.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${V4L2VM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/bramble/v4l2vm}

usage() {
  sed -n '/^    run.sh /,/^$/p' "$here/README.md" >&2
  exit 2
}

devices=vivid,mjpeg,h264,uvc bin='' sh='' ctl='' accel='' timeout=0 mem=512 cpus=2 verbose=''
files=() envs=() clips=()
while [ $# -gt 0 ]; do
  case $1 in
    --verbose) verbose=1; shift; continue ;;
    --) shift; break ;;
    --*) [ $# -ge 2 ] || usage ;;&
    --devices) devices=$2 ;;
    --bin) bin=$2 ;;
    --sh) sh=$2 ;;
    --ctl) ctl=$2 ;;
    --file) files+=("$2") ;;
    --env) envs+=("$2") ;;
    --clip) clips+=("$2") ;;
    --accel) accel=$2 ;;
    --timeout) timeout=$2 ;;
    --mem) mem=$2 ;;
    --cpus) cpus=$2 ;;
    *) usage ;;
  esac
  shift 2
done
[ -n "$bin$sh$ctl" ] || usage
command -v qemu-system-x86_64 >/dev/null || {
  echo "v4l2vm: qemu-system-x86_64 is missing: try scripts/install-test-deps.sh, or apt-get install qemu-system-x86" >&2
  exit 125
}

mkdir -p "$cache"
exec 9>"$cache/lock" # build.sh leaves it locked against other builds, as long as this guest runs
"$here/build.sh" || exit 125

work=$(mktemp -d "${TMPDIR:-/tmp}/v4l2vm.XXXXXX") qemu=''
# shellcheck disable=SC2317 # called by the trap
cleanup() {
  if [ -n "$qemu" ]; then
    kill "$qemu" 2>/dev/null || true
    wait "$qemu" 2>/dev/null || true
  fi
  [ -z "$ctl" ] || rm -f "$ctl"
  rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 143' TERM
trap 'exit 130' INT

# --- what the guest finds in /share
share=$work/share
mkdir -p "$share"/{bin,lib,files,clips}

quote() { printf "'%s'" "${1//\'/\'\\\'\'}"; }

# libraries PROGRAM: of a dynamic one.
libraries() {
  { ldd "$1" 2>/dev/null || true; } | sed -n 's/.*=> \(\/[^ ]*\).*/\1/p' | while read -r lib; do cp -L "$lib" "$share/lib/"; done
}

if [ -n "$bin" ]; then
  [ -x "$bin" ] || { echo "v4l2vm: no program $bin" >&2; exit 2; }
  cp -L "$bin" "$share/bin/"
  libraries "$bin"
  command=("/share/bin/$(basename "$bin")" "$@")
elif [ -n "$sh" ]; then
  command=(/bin/sh -c "$sh" sh "$@")
else
  command=() # all is done by --ctl
fi
{
  printf 'set --'
  for a in "${command[@]}"; do printf ' %s' "$(quote "$a")"; done
  echo
} >"$share/args"
for f in "${files[@]}"; do
  name=${f##*=} f=${f%=*}
  [ "$name" != "$f" ] || name=$(basename "$f")
  mkdir -p "$share/files/$(dirname "$name")"
  cp -aL "$f" "$share/files/$name"
  if [ -f "$f" ] && [ -x "$f" ]; then libraries "$f"; fi
done
ln "$cache"/clips/* "$share/clips/" 2>/dev/null || cp "$cache"/clips/* "$share/clips/"
for c in "${clips[@]}"; do
  rm -f "$share/clips/${c%%=*}"
  cp "${c#*=}" "$share/clips/${c%%=*}"
done
{
  echo "DEVICES=$(quote "$devices")"
  for e in "${envs[@]}"; do echo "export ${e%%=*}=$(quote "${e#*=}")"; done
} >"$share/env"

# --- the machine
# KVM only where the processor's own vmx or svm is behind it: without them (kvm-pvm) /dev/kvm is there too, but an
# unmodified kernel runs far slower on it than under TCG, or not at all.
if [ -z "$accel" ]; then
  accel=tcg
  if [ -r /dev/kvm ] && [ -w /dev/kvm ] && grep -qwE 'vmx|svm' /proc/cpuinfo; then accel=kvm; fi
fi
machine=(-accel "tcg,thread=multi" -cpu max)
[ "$accel" != kvm ] || machine=(-accel kvm -accel tcg -cpu "max,-arch-capabilities")
[ -z "$ctl" ] || machine+=(-chardev "socket,id=c,path=$ctl,server=on,wait=off" -device "virtserialport,chardev=c,name=ctl")

mkfifo "$work/out" # what the program says
cat "$work/out" 9>&- &
reader=$!
timeout -k 5 "$timeout" qemu-system-x86_64 -M pc -nodefaults -no-user-config -display none -no-reboot -smp "$cpus" -m "$mem" \
  -kernel "$cache/kernel/vmlinux" -initrd "$cache/initrd.cpio" \
  -append "console=ttyS0 quiet loglevel=3 panic=-1 reboot=t random.trust_cpu=on mitigations=off audit=0 tsc=reliable no_timer_check cryptomgr.notests lsm= nowatchdog" \
  -serial "file:$work/console" -device virtio-serial-pci \
  -chardev "file,id=o,path=$work/out" -device virtserialport,chardev=o,name=out \
  "${machine[@]}" \
  -virtfs "local,path=$share,mount_tag=share,security_model=none,id=share" \
  -netdev "user,id=n,ipv6=off" -device virtio-net-pci,netdev=n,romfile= \
  </dev/null >"$work/qemu.log" 2>&1 9>&- &
qemu=$!
st=0
wait "$qemu" || st=$?
qemu=''
: 8<>"$work/out" # lets go of a reader that QEMU never met
wait "$reader"

if [ -n "$verbose" ]; then
  cat "$work/console" "$work/qemu.log" "$share/dmesg" >&2 || true
fi
if [ "$st" = 124 ]; then
  echo "v4l2vm: stopped after $timeout s" >&2
  exit 124
fi
[ ! -e "$share/rc" ] || exit "$(cat "$share/rc")"
echo "v4l2vm: the guest ended without a result; its console:" >&2
tail -n 30 "$work/qemu.log" "$work/console" >&2 || true
exit 125

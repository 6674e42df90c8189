#!/usr/bin/env bash
# Boots hosts with a minimal Debian 12 and systemd, all in one network of their own, and prints a line "NAME PID" for
# each when it is up: PID is its first process. It stays, and so do they, until it is killed. To be run by: unshare
# --net --mount
#
#   boot.sh ROOT WORK NAME...      ROOT as root.sh prints it; it is not changed. WORK is an empty folder
set -euo pipefail
root=$1 work=$2
shift 2

# An address that is not loopback, and a way to everywhere that leads nowhere.
ip link set lo up
ip addr add 192.0.2.10/32 dev lo
ip route add default dev lo src 192.0.2.10

# first PID: the first process of the container that this nspawn runs.
first() {
  local pid pids
  read -ra pids <"/proc/$1/task/$1/children" || true # there is no end of line
  for pid in "${pids[@]}"; do
    ! grep -q '^NSpid:.*[[:space:]]1$' "/proc/$pid/status" || echo "$pid"
  done
}

declare -A nspawn
for name in "$@"; do
  mkdir -p "$work/$name"/{upper,work,root}
  mount -t overlay overlay -o "lowerdir=$root,upperdir=$work/$name/upper,workdir=$work/$name/work" "$work/$name/root"
  systemd-nspawn --quiet --directory="$work/$name/root" --machine="$name" --register=no --keep-unit --link-journal=no --boot >"$work/$name/console" 2>&1 </dev/null &
  nspawn[$name]=$!
done
for name in "$@"; do
  for _ in $(seq 600); do # two minutes and more, beside other tests
    pid=$(first "${nspawn[$name]}")
    [ -z "$pid" ] || ! nsenter -t "$pid" -a systemctl is-active --quiet multi-user.target 2>/dev/null || break
    kill -0 "${nspawn[$name]}" || break
    sleep 0.2
    pid=''
  done
  [ -n "$pid" ] || { echo "$name does not boot:" >&2; tail -n 20 "$work/$name/console" >&2; exit 1; }
  echo "$name $pid"
done
wait

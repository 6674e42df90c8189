#!/usr/bin/env bash
# Runs a Docker engine in its own namespaces until it is killed. Run it by unshare --net --mount --pid ...
#
#   engine.sh WORK      WORK is a folder with daemon.json. The engine's data, log and socket are in it
#
# The engine has its own bridge, firewall rules and published ports, and no other network.
set -euo pipefail
work=$1
ip link set lo up
mount -t tmpfs tmpfs /run
exec dockerd --data-root "$work/data" --exec-root /run/docker --pidfile /run/docker.pid --host "unix://$work/sock" \
  --cgroup-parent /bramble-test --exec-opt native.cgroupdriver=cgroupfs --config-file "$work/daemon.json" >"$work/log" 2>&1

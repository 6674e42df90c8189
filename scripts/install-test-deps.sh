#!/usr/bin/env bash
# Installs what the tests need beside Go: programs by apt-get where it can, node packages by npm. Names what is missing
# and what that costs. It fails only with CI=true, because a passing CI must not hide skipped tests.
#
#   scripts/install-test-deps.sh          what `make test` needs
#   scripts/install-test-deps.sh system   what `make test-system` and `make check` need, too
#   scripts/install-test-deps.sh node     only the node packages; exit code 3 without a usable node
#   scripts/install-test-deps.sh v4l2     only what `make test-v4l2` needs; exit code 3 if something is missing then
set -uo pipefail
cd "$(dirname "$0")/.." || exit

tools=(ffmpeg chromium font node python)
system=(vlc gstreamer mosquitto compiler shellcheck haproxy qemu-user cross qemu-system v4l2vm container promtool)
browser=e2e/browser
cache=${XDG_CACHE_HOME:-$HOME/.cache}/bramble # os.UserCacheDir, in Go

say() { printf 'test-deps: %s\n' "$*"; }
have() { command -v "$1" >/dev/null 2>&1; }

# present TOOL: is it there?
present() {
  local element
  case $1 in
    ffmpeg) have ffmpeg && have ffprobe ;;
    vlc) have cvlc && have setpriv ;;
    gstreamer) have gst-launch-1.0 && have gst-inspect-1.0 &&
      for element in souphttpsrc multipartdemux jpegdec pngenc qtdemux capssetter h264parse openh264dec \
        videoconvert; do
        gst-inspect-1.0 --exists "$element" || return
      done ;;
    chromium) have chromium || have chromium-browser || have google-chrome ;;
    font) have fc-list && [ -n "$(fc-list 2>/dev/null | head -n 1)" ] ;;
    node) have npm && have node && node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' ;;
    python) have python3 && python3 -c 'import threading' 2>/dev/null ;;
    mosquitto) have mosquitto_sub ;;
    compiler) have "$(go env CC)" ;;
    shellcheck) have shellcheck ;;
    haproxy) have haproxy ;;
    qemu-user)
      { have qemu-arm || have qemu-arm-static; } && { have qemu-aarch64 || have qemu-aarch64-static; } ;;
    qemu-system) have qemu-system-x86_64 ;;
    v4l2vm) have v4l2-ctl && have gcc && have make && have strip && have xz && have perl &&
      [ -e /usr/share/keyrings/debian-archive-keyring.gpg ] &&
      /sbin/ldconfig -p | grep 'libelf\.so\.1' >/dev/null ;;
    promtool) have promtool || [ -x "$cache/promtool" ] ;;
    container)
      have systemd-nspawn && have systemd-analyze && have nsenter && have unshare && have ip && have apt-get ;;
    cross) have aarch64-linux-gnu-gcc && have arm-linux-gnueabihf-gcc && have arm-linux-gnueabi-gcc ;;
  esac
}

# packages TOOL: the Debian packages to try, one attempt a line.
packages() {
  case $1 in
    ffmpeg) echo "ffmpeg" ;;
    vlc) echo "vlc-bin vlc-plugin-base util-linux" ;;
    gstreamer)
      echo "gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad" ;;
    chromium) printf '%s\n' "chromium" "chromium-browser" ;;
    font) echo "fontconfig fonts-dejavu-core" ;;
    node) echo "nodejs npm" ;;
    python) echo "python3" ;;
    mosquitto) echo "mosquitto-clients" ;;
    compiler) echo "gcc libc6-dev" ;;
    shellcheck) echo "shellcheck" ;;
    haproxy) echo "haproxy" ;;
    qemu-user) printf '%s\n' "qemu-user" "qemu-user-static" ;;
    qemu-system) echo "qemu-system-x86" ;;
    v4l2vm)
      echo "v4l-utils gcc libc6-dev make binutils xz-utils perl-base libelf-dev debian-archive-keyring" ;;
    promtool) echo "prometheus" ;;
    container) echo "systemd-container systemd util-linux iproute2" ;;
    cross)
      echo "gcc-aarch64-linux-gnu libc6-dev-arm64-cross gcc-arm-linux-gnueabihf libc6-dev-armhf-cross" \
        "gcc-arm-linux-gnueabi libc6-dev-armel-cross" ;;
  esac
}

# cost TOOL: what is lost without it.
cost() {
  case $1 in
    ffmpeg) echo "tests that decode what the hub serves with ffmpeg and ffprobe" ;;
    vlc) echo "tests that show what the hub serves in VLC" ;;
    gstreamer) echo "tests that show what the hub serves in GStreamer" ;;
    chromium) echo "tests of the page in a real browser" ;;
    font) echo "text in the browser's pictures" ;;
    node) echo "the page's type check and its tests (version 20 or newer)" ;;
    python) echo "the tests of the Python examples" ;;
    mosquitto) echo "the tests of pictures by MQTT" ;;
    compiler) echo "the race detector" ;;
    shellcheck) echo "the check of the shell scripts" ;;
    haproxy) echo "tests of several hubs behind a load balancer (e2e/cluster)" ;;
    qemu-user) echo "runs of the Raspberry Pi's programs (e2e/crossarch)" ;;
    qemu-system) echo "tests with V4L2 cameras, in a virtual machine (make test-v4l2)" ;;
    v4l2vm) echo "building that virtual machine (make test-v4l2)" ;;
    promtool) echo "the check of metrics, alerts and dashboard by Prometheus' own tool" ;;
    container) echo "the installation of the Debian packages as the guide says (e2e/install)" ;;
    cross) echo "the Raspberry Pi's programs with V4L2 (make dist, e2e/crossarch)" ;;
  esac
}

missing() {
  local tool
  for tool in "${tools[@]}"; do present "$tool" || echo "$tool"; done
}

# apt ARGS: apt-get as root; its output is shown only if it fails.
apt() {
  local log
  log=$(mktemp)
  if ! timeout 600 "${root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get -y -q -o DPkg::Lock::Timeout=120 -o Acquire::Retries=3 "$@" >"$log" 2>&1 </dev/null; then
    tail -n 5 "$log"
    rm -f "$log"
    return 1
  fi
  rm -f "$log"
}

# fetch_promtool: out of Debian's package of Prometheus, without installing that: it would run as a service.
fetch_promtool() {
  local dir
  dir=$(mktemp -d)
  say "apt-get download prometheus, for promtool"
  if (cd "$dir" &&
    timeout 300 apt-get -q -o Acquire::Retries=3 -o APT::Sandbox::User=root download prometheus &&
    dpkg-deb -x prometheus_*.deb .) >"$dir/log" 2>&1 &&
    mkdir -p "$cache" && cp "$dir/usr/bin/promtool" "$cache/promtool.new" &&
    "$cache/promtool.new" --version >/dev/null 2>&1; then
    mv "$cache/promtool.new" "$cache/promtool"
  else
    tail -n 5 "$dir/log"
  fi
  rm -rf "$dir"
}

# install_missing TOOL...: what apt-get can bring.
install_missing() {
  local tool attempt
  root=()
  if ! have apt-get; then
    say "no apt-get here: install by hand what is named below"
    return
  fi
  if [ "$(id -u)" -ne 0 ]; then
    if ! { have sudo && sudo -n true 2>/dev/null; }; then
      say "not root, and sudo wants a password: install by hand what is named below"
      return
    fi
    root=(sudo -n)
  fi
  say "apt-get update"
  apt update || say "apt-get update failed: trying with the old lists"
  for tool in "$@"; do
    if [ "$tool" = promtool ]; then
      fetch_promtool
      continue
    fi
    while read -r attempt; do
      say "apt-get install $attempt"
      # shellcheck disable=SC2086 # an attempt is a list of packages
      apt install --no-install-recommends $attempt && present "$tool" && break
    done < <(packages "$tool")
  done
}

# node_packages: npm ci, unless what is installed is as new as the lock file.
node_packages() {
  [ -f "$browser/package-lock.json" ] && present node || return 0
  [ "$browser/node_modules/.package-lock.json" -nt "$browser/package-lock.json" ] && return 0
  say "npm ci in $browser"
  (cd "$browser" && npm ci --no-audit --no-fund --loglevel=error </dev/null)
}

failed=0
[ "${1:-}" != system ] || tools+=("${system[@]}")
[ "${1:-}" != v4l2 ] || tools=(ffmpeg compiler qemu-system v4l2vm)
if [ "${1:-}" = node ]; then
  present node || exit 3
else
  mapfile -t wanted < <(missing)
  [ ${#wanted[@]} -eq 0 ] || install_missing "${wanted[@]}"
  while read -r tool; do
    say "MISSING: $tool, which is needed for $(cost "$tool"). On Debian: apt-get install $(packages "$tool" | head -n 1)"
    failed=1
  done < <(missing)
fi
[ "${1:-}" != v4l2 ] || exit $((failed * 3))
if ! node_packages; then
  say "MISSING: the node packages of $browser (npm ci failed, see above), which are needed for $(cost node)"
  failed=1
fi
[ "$failed" -eq 1 ] || exit 0
[ "${CI:-}" != true ] || { say "CI=true: missing tools are an error"; exit 1; }
say "going on; tests that need these skip themselves and say so"

#!/usr/bin/env bash
# Installs what tests need beside Go: programs by apt-get, node packages by npm. Where it may not, it names what is
# missing and which tests skip themselves then. With CI=true something missing is an error.
#
#   scripts/install-test-deps.sh          for make test
#   scripts/install-test-deps.sh system   for make test-system too
#   scripts/install-test-deps.sh check    for make check
#   scripts/install-test-deps.sh v4l2     for make test-v4l2
#
# Exit code 3: something is missing.
set -uo pipefail
cd "$(dirname "$0")/.." || exit

browser=e2e/browser
cache=${XDG_CACHE_HOME:-$HOME/.cache}/bramble # os.UserCacheDir, in Go

fast=(ffmpeg chromium font node python)
check=(node shellcheck)
v4l2=(ffmpeg compiler qemu-system v4l2vm)
system=("${fast[@]}" compiler firefox vlc gstreamer mosquitto haproxy qemu-user cross qemu-system v4l2vm container
  docker promtool)

say() { printf 'test-deps: %s\n' "$*"; }
have() { command -v "$1" >/dev/null 2>&1; }

# about TOOL: the Debian packages that bring it, or else; what is lost without it.
about() {
  case $1 in
    ffmpeg) echo "ffmpeg | what the hub serves and transcodes, by ffmpeg and ffprobe" ;;
    chromium) echo "chromium | the page in a real browser" ;;
    font) echo "fontconfig fonts-dejavu-core | text in the browser's pictures" ;;
    node) echo "nodejs npm | the page's types and tests, and the browser's scripts (version 20 or newer)" ;;
    python) echo "python3 | the Python examples" ;;
    shellcheck) echo "shellcheck | shell scripts" ;;
    compiler) echo "gcc libc6-dev | the race detector, cameras with V4L2" ;;
    firefox) echo "firefox-esr | the page in Firefox" ;;
    vlc) echo "vlc-bin vlc-plugin-base util-linux | what the hub serves, in VLC" ;;
    gstreamer) echo "gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good" \
      "gstreamer1.0-plugins-bad | what the hub serves, in GStreamer" ;;
    mosquitto) echo "mosquitto-clients | pictures by MQTT" ;;
    haproxy) echo "haproxy | several hubs behind a load balancer" ;;
    qemu-user) echo "qemu-user | the Raspberry Pi's programs, run here" ;;
    cross) echo "gcc-aarch64-linux-gnu libc6-dev-arm64-cross gcc-arm-linux-gnueabihf libc6-dev-armhf-cross" \
      "gcc-arm-linux-gnueabi libc6-dev-armel-cross | the Raspberry Pi's programs, built here" ;;
    qemu-system) echo "qemu-system-x86 | cameras with V4L2, in a virtual machine" ;;
    v4l2vm) echo "v4l-utils gcc libc6-dev make binutils xz-utils perl-base libelf-dev debian-archive-keyring |" \
      "that virtual machine, built here" ;;
    container) echo "systemd-container systemd util-linux iproute2 debootstrap | the installation in a clean Debian" ;;
    docker) echo "docker.io iptables util-linux iproute2 debootstrap debian-archive-keyring | the container images" ;;
    promtool) echo "prometheus | metrics, alerts and dashboard, by Prometheus' own tool" ;;
  esac
}

packages() { about "$1" | sed 's/ |.*//'; }

present() {
  local element
  case $1 in
    ffmpeg) have ffmpeg && have ffprobe ;;
    chromium) have chromium || have chromium-browser || have google-chrome ;;
    font) have fc-list && [ -n "$(fc-list 2>/dev/null | head -n 1)" ] ;;
    node) have npm && have node && node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' ;;
    python) have python3 && python3 -c 'import threading' 2>/dev/null ;;
    compiler) have "$(go env CC)" ;;
    firefox) have firefox-esr || have firefox ;;
    vlc) have cvlc && have setpriv ;;
    gstreamer)
      have gst-launch-1.0 && have gst-inspect-1.0 || return
      for element in souphttpsrc multipartdemux jpegdec pngenc qtdemux capssetter h264parse openh264dec videoconvert; do
        gst-inspect-1.0 --exists "$element" || return
      done
      ;;
    mosquitto) have mosquitto_sub ;;
    qemu-user) { have qemu-arm || have qemu-arm-static; } && { have qemu-aarch64 || have qemu-aarch64-static; } ;;
    cross) have aarch64-linux-gnu-gcc && have arm-linux-gnueabihf-gcc && have arm-linux-gnueabi-gcc ;;
    qemu-system) have qemu-system-x86_64 ;;
    v4l2vm)
      have v4l2-ctl && have gcc && have make && have strip && have xz && have perl &&
        [ -e /usr/share/keyrings/debian-archive-keyring.gpg ] && /sbin/ldconfig -p | grep 'libelf\.so\.1' >/dev/null
      ;;
    container)
      have systemd-nspawn && have systemd-analyze && have nsenter && have unshare && have ip && have debootstrap
      ;;
    docker) have dockerd && have docker && have iptables && have unshare && have ip && have debootstrap ;;
    promtool) have promtool || [ -x "$cache/promtool" ] ;;
    *) have "$1" ;;
  esac
}

# missing: those of the wanted tools that are not there.
missing() {
  local tool
  for tool in "${tools[@]}"; do present "$tool" || echo "$tool"; done
}

# apt ARGS: apt-get as root. Its output is shown only if it fails.
apt() {
  local log code=0
  log=$(mktemp)
  timeout 600 "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -y -q -o DPkg::Lock::Timeout=120 \
    -o Acquire::Retries=3 "$@" >"$log" 2>&1 </dev/null || { code=$?; tail -n 5 "$log"; }
  rm -f "$log"
  return "$code"
}

# fetch_promtool takes it out of Debian's package of Prometheus, which would run as a service if it were installed.
fetch_promtool() {
  local dir
  dir=$(mktemp -d)
  say "apt-get download prometheus, for promtool"
  if (cd "$dir" && timeout 300 apt-get -q -o Acquire::Retries=3 -o APT::Sandbox::User=root download prometheus &&
    dpkg-deb -x prometheus_*.deb .) >"$dir/log" 2>&1 && mkdir -p "$cache" &&
    cp "$dir/usr/bin/promtool" "$cache/promtool.new" && "$cache/promtool.new" --version >/dev/null 2>&1; then
    mv "$cache/promtool.new" "$cache/promtool"
  else
    tail -n 5 "$dir/log"
  fi
  rm -rf "$dir"
}

# install TOOL...: what apt-get can bring, at once, and if that fails one by one.
install() {
  local tool all=()
  root=()
  if ! have apt-get; then
    say "no apt-get here: install by hand what is named below"
    return
  elif [ "$(id -u)" -ne 0 ]; then
    if ! { have sudo && sudo -n true 2>/dev/null; }; then
      say "not root, and sudo wants a password: install by hand what is named below"
      return
    fi
    root=(sudo -n)
  fi
  say "apt-get update"
  apt update || say "apt-get update failed: trying with the old lists"
  for tool in "$@"; do
    [ "$tool" = promtool ] || read -ra all <<<"${all[*]} $(packages "$tool")"
  done
  say "apt-get install ${all[*]}"
  [ ${#all[@]} -eq 0 ] || apt install --no-install-recommends "${all[@]}"
  for tool in "$@"; do
    present "$tool" && continue
    read -ra all <<<"$(packages "$tool")"
    case $tool in
      promtool) fetch_promtool ;;
      *) say "apt-get install ${all[*]}" && apt install --no-install-recommends "${all[@]}" ;;
    esac
  done
}

# node_packages: npm ci, unless what is installed is as new as the lock file.
node_packages() {
  [ "$browser/node_modules/.package-lock.json" -nt "$browser/package-lock.json" ] && return
  say "npm ci in $browser"
  (cd "$browser" && npm ci --no-audit --no-fund --loglevel=error </dev/null)
}

case ${1:-} in
  '') tools=("${fast[@]}") ;;
  system) tools=("${system[@]}") ;;
  check) tools=("${check[@]}") ;;
  v4l2) tools=("${v4l2[@]}") ;;
  *) say "unknown: $1" && exit 2 ;;
esac
mapfile -t wanted < <(missing)
[ ${#wanted[@]} -eq 0 ] || install "${wanted[@]}"
code=0
while read -r tool; do
  say "MISSING: $tool, for tests of: $(about "$tool" | sed 's/.*| //'). On Debian: apt-get install $(packages "$tool")"
  code=3
done < <(missing)
if [[ " ${tools[*]} " == *" node "* ]] && present node && ! node_packages; then
  say "MISSING: the node packages of $browser, because npm ci failed (see above)"
  code=3
fi
exit "$code"

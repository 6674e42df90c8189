# shellcheck shell=dash
# The cameras of the guest, and the commands with which a test plays with them. Sourced by init, and by the commands in /bin that build.sh makes.
clips=/share/clips

# node NAME: the device node now. What is plugged in again may get another number.
node() {
  local card n
  case $1 in
    vivid) card=vivid-000-vid-cap ;;
    mjpeg) card='Rig MJPEG' ;;
    h264) card='Rig H264' ;;
    uvc) card='Rig UVC' ;;
    *) return 2 ;;
  esac
  for n in /sys/class/video4linux/video*; do
    # index 1 is uvcvideo's metadata node
    grep -qs "$card" "$n/name" && [ "$(cat "$n/index" 2>/dev/null)" = 0 ] && echo "/dev/${n##*/}" && return
  done
  return 1
}

# links NAME: as udev would name the device, so that what is plugged in again is found; v4l2loopback has none.
links() {
  case $1 in
    vivid) echo /dev/v4l/by-path/platform-vivid.0-video-index0 ;;
    uvc) echo /dev/v4l/by-id/usb-v4l2vm_Rig_UVC_Camera_V4L2VM0001-video-index0 /dev/v4l/by-path/platform-vhci_hcd.0-usb-0:1:1.0-video-index0 ;;
  esac
  echo "/dev/rig/$1"
}

# opened NAME: which processes have the device open.
opened() {
  local n f p
  n=$(node "$1") || return
  for f in /proc/[0-9]*/fd/*; do
    [ "$(readlink "$f")" = "$n" ] && p=${f#/proc/} && echo "${p%%/*} $(tr '\0' ' ' <"/proc/${p%%/*}/cmdline")"
  done | sort -u
}

has() { case ",$DEVICES," in *",$1,"*) return 0 ;; esac; return 1; }

# wait_for SECONDS COMMAND...: until it succeeds.
wait_for() {
  local n=$(($1 * 20))
  shift
  while ! "$@" 2>/dev/null; do
    n=$((n - 1))
    [ $n -gt 0 ] || { echo "v4l2vm: waited too long: $*" >&2; return 1; }
    sleep 0.05
  done
}
there() { [ -c "$(node "$1")" ]; }
gone() { ! there "$1"; }
fed() { grep -q . "/sys/class/video4linux/$(basename "$(node "$1")")/format"; }

# feed NAME COMMAND...: what plays the camera.
feed() {
  local name=$1
  shift
  setsid "$@" </dev/null >>"/run/$name.log" 2>&1 &
  echo $! >"/run/$name.pid"
}
feeder() { cat "/run/$1.pid"; }

# plug NAME [FPS]: FPS is the rate of mjpeg or h264, otherwise 30.
plug() {
  local l
  case $1 in
    vivid)
      if [ -e /sys/bus/platform/drivers/vivid ]; then
        echo vivid.0 >/sys/bus/platform/drivers/vivid/bind
      else
        modprobe vivid n_devs=1 node_types=0x1 num_inputs=1 input_types=0x0 vid_cap_nr=0
      fi
      wait_for 10 there vivid || return
      ;;
    mjpeg | h264)
      feed "$1" loopfeed "$(node "$1")" "$1" 1280 720 "${2:-30}" "$clips/$1.raw"
      wait_for 60 fed "$1" || return
      ;;
    uvc)
      feed uvc uvccam mjpeg:1280x720:$clips/mjpeg.raw mjpeg:640x480:$clips/mjpeg640.raw:bare \
        yuyv:320x240:$clips/yuyv320.raw h264:1280x720:$clips/h264.raw
      wait_for 30 there uvc || return
      ;;
    *) return 2 ;;
  esac
  mkdir -p /dev/rig /dev/v4l/by-id /dev/v4l/by-path
  for l in $(links "$1"); do ln -sf "$(node "$1")" "$l"; done
}

# unplug NAME: a surprise removal. The nodes of mjpeg and h264 stay: their feed ends.
unplug() {
  local l
  case $1 in
    vivid) echo vivid.0 >/sys/bus/platform/drivers/vivid/unbind ;;
    mjpeg | h264) kill -9 "$(feeder "$1")" ;;
    uvc) kill -9 "$(feeder "$1")" && wait_for 10 gone uvc ;;
    *) return 2 ;;
  esac
  for l in $(links "$1"); do rm -f "$l"; done
}

# freeze NAME, thaw NAME: a camera whose frames stop while it still answers; not vivid.
freeze() { kill -USR1 "$(feeder "$1")"; }
thaw() { kill -USR2 "$(feeder "$1")"; }

# rig_devices: plugs in what DEVICES lists, and writes the nodes to /run/devices as environment variables (UVC_DEVICE
# and so on).
rig_devices() {
  local d
  if has mjpeg || has h264; then
    modprobe v4l2loopback devices=2 video_nr=10,11 exclusive_caps=1,1 max_buffers=8 'card_label=Rig MJPEG,Rig H264' || return
  fi
  if has uvc; then
    modprobe vhci-hcd && modprobe uvcvideo || return
  fi
  for d in $(echo "$DEVICES" | tr , ' '); do
    plug "$d" || { echo "v4l2vm: no device $d" >&2; cat "/run/$d.log" >&2; return 1; }
    echo "export $(echo "$d" | tr '[:lower:]' '[:upper:]')_DEVICE=$(node "$d")"
  done >/run/devices
}

package discover

import (
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/bramble-cam/bramble/agent/internal/source"
	"github.com/bramble-cam/bramble/agent/internal/source/v4l2/device"
)

const (
	nothingWrites = "nothing writes to it"
	noCapture     = "it captures no video that Bramble could take: an output, an encoder, or a multi-planar device"

	noPermission = "no permission to open it: add the user to the group video with sudo usermod -aG video $USER, " +
		"then log in again " +
		"(under systemd: SupplementaryGroups=video)"
	notAllowed = "opening it is not allowed: a service needs DeviceAllow=char-video4linux rw, a container --device " +
		"/dev/video..."
)

// piDrivers are the drivers of a Raspberry Pi whose nodes are no cameras, with what they are. The kernel's name of
// each such node begins with its driver.
func piDrivers() [][2]string {
	const sensor = "raw data of the camera's sensor: a Pi camera is used through rpicam-vid"
	return [][2]string{
		{"unicam", sensor},
		{"rp1-cfe", sensor},
		{"bcm2835-isp", "image processor of the Pi, not a camera"},
		{"bcm2835-codec", "video encoder and decoder of the Pi, not a camera"},
		{"pispbe", "image processor of the Pi, not a camera"},
		{"rpivid", "video decoder of the Pi, not a camera"},
		{"rpi-hevc-dec", "video decoder of the Pi, not a camera"},
	}
}

// piDriver returns the driver that a node's name, or its driver's, belongs to.
func piDriver(name string) (driver, what string, ok bool) {
	for _, d := range piDrivers() {
		if strings.HasPrefix(name, d[0]) {
			return d[0], d[1], true
		}
	}
	return "", "", false
}

// sensorNode is true for the nodes that are there if a Pi camera is connected.
func sensorNode(f Camera) bool { return f.Driver == "unicam" || f.Driver == "rp1-cfe" }

// skipReason says why a node that cannot be described is not used.
func skipReason(err error) string {
	switch {
	case errors.Is(err, source.ErrPermission) && errors.Is(err, syscall.EPERM):
		return notAllowed
	case errors.Is(err, source.ErrPermission):
		return noPermission
	case errors.Is(err, source.ErrGone):
		return "it is gone: just unplugged?"
	}
	return err.Error() // names the remedy
}

// loopback is true for the driver of devices that programs write to.
func loopback(driver string) bool { return strings.HasPrefix(driver, "v4l2 loopback") }

// noPictures says why a device with this description is no camera; "" if it may be one.
func noPictures(d device.Description) string {
	switch {
	case loopback(d.Driver) && (!d.Capture || len(d.Formats) == 0):
		return nothingWrites
	case !d.Capture && d.Driver == "uvcvideo":
		return "it has the camera's metadata, not its pictures"
	case !d.Capture:
		return noCapture
	case len(d.Formats) == 0:
		return "it offers no format"
	}
	return ""
}

// noFormat says that nothing of what the camera offers can be used.
func noFormat(formats []Format) string {
	var list []string
	for _, f := range formats {
		list = append(list, f.Pixel)
	}
	if n := len(list); n > 6 {
		list = append(list[:5], fmt.Sprintf("%d more", n-5))
	}
	return fmt.Sprintf("none of its formats can be used (%s): Bramble takes MJPG, JPEG, H264, YUYV and NV12",
		strings.Join(list, ", "))
}

// Permission is true if f is not used since this user may not open it.
func (c Camera) Permission() bool { return c.Skipped == noPermission || c.Skipped == notAllowed }

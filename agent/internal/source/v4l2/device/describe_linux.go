//go:build linux && cgo

package device

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/vladimirvivien/go4vl/v4l2"
	"golang.org/x/sys/unix"
)

// Nodes returns the video device nodes of this machine, in the order of their numbers.
func Nodes() ([]string, error) {
	entries, err := os.ReadDir("/dev")
	if err != nil {
		return nil, fmt.Errorf("list video devices: %w", err)
	}
	var numbers []int
	for _, e := range entries {
		if digits, ok := strings.CutPrefix(e.Name(), "video"); ok {
			if n, err := strconv.Atoi(digits); err == nil {
				numbers = append(numbers, n)
			}
		}
	}
	slices.Sort(numbers)
	var nodes []string
	for _, n := range numbers {
		nodes = append(nodes, "/dev/video"+strconv.Itoa(n))
	}
	return nodes, nil
}

// Describe asks a device what it is and what it offers. It does not start it: a camera's light stays off.
func Describe(path string) (Description, error) {
	var about Description
	var err error
	onStableStack(func() { about, err = describe(path) })
	return about, err
}

func describe(path string) (_ Description, err error) {
	fd, err := openNode(path)
	if err != nil {
		return Description{}, err
	}
	d := &platform{path: path, fd: fd}
	defer func() { err = errors.Join(err, d.Close()) }()
	says, err := v4l2.GetCapability(uintptr(fd))
	if err != nil {
		return Description{}, d.fault("query", err)
	}
	about := Description{Node: path, Driver: says.Driver, Card: says.Card, Bus: says.BusInfo, Capture: captures(says)}
	if !about.Capture {
		return about, nil
	}
	if about.Formats, err = formats(fd); err != nil {
		return about, d.fault("list formats", err)
	}
	if about.Controls, err = controls(fd); err != nil {
		return about, d.fault("list controls", err)
	}
	return about, nil
}

// captures is true for devices that Open can use. It goes by what this node can do: uvcvideo's metadata node belongs
// to a camera, but is none. The parts of the Pi camera are no cameras by themselves, even where they capture: raw
// Bayer, or what the image processor was given.
func captures(about v4l2.Capability) bool {
	switch about.Driver {
	case "unicam", "rp1-cfe", "bcm2835-isp", "bcm2835-codec", "pispbe", "rpivid", "rpi-hevc-dec":
		return false
	}
	const needs = v4l2.CapVideoCapture | v4l2.CapStreaming
	const not = v4l2.CapVideoMem2Mem | v4l2.CapVideoMem2MemMPlane
	caps := about.GetCapabilities()
	return caps&needs == needs && caps&not == 0
}

// pixelFormats lists what the driver offers, its favorite first.
func pixelFormats(fd int) ([]PixelFormat, error) {
	list, err := formatDescriptions(fd)
	if err != nil {
		return nil, err
	}
	var pixels []PixelFormat
	for _, f := range list {
		pixels = append(pixels, PixelFormat(f.PixelFormat))
	}
	return pixels, nil
}

func formatDescriptions(fd int) ([]v4l2.FormatDescription, error) {
	list, err := v4l2.GetAllFormatDescriptions(uintptr(fd))
	if errors.Is(err, v4l2.ErrorBadArgument) { // none
		err = nil
	}
	return list, err
}

func formats(fd int) ([]Format, error) {
	list, err := formatDescriptions(fd)
	if err != nil {
		return nil, err
	}
	var offers []Format
	for _, f := range list {
		pixel := PixelFormat(f.PixelFormat)
		sizes, err := frameSizes(fd, pixel)
		if err != nil {
			return nil, err
		}
		offers = append(offers, Format{Pixel: pixel, Title: f.Description, Sizes: sizes})
	}
	return offers, nil
}

// frameSizes lists the sizes of a format, the largest first; none if the driver does not tell.
func frameSizes(fd int, pixel PixelFormat) ([]Size, error) {
	list, err := v4l2.GetFormatFrameSizes(uintptr(fd), uint32(pixel))
	if err != nil && !errors.Is(err, v4l2.ErrorBadArgument) && !errors.Is(err, v4l2.ErrorUnsupported) {
		return nil, err
	}
	var sizes []Size
	for _, s := range list {
		rates, err := frameRates(fd, pixel, s.Size.MaxWidth, s.Size.MaxHeight)
		if err != nil {
			return nil, err
		}
		sizes = append(sizes, Size{
			Width: int(s.Size.MaxWidth), Height: int(s.Size.MaxHeight), Stepped: s.Type != v4l2.FrameSizeTypeDiscrete,
			Rates: rates,
		})
	}
	slices.SortStableFunc(sizes, func(a, b Size) int { return cmp.Compare(b.Width*b.Height, a.Width*a.Height) })
	return sizes, nil
}

// frameRates lists the rates of a size in frames per second, the highest first; of a range, its two ends.
func frameRates(fd int, pixel PixelFormat, width, height uint32) ([]float64, error) {
	const enough = 1000 // should a driver not know an end
	var rates []float64
	for i := range cUint(enough) {
		arg := &cInterval{index: i, pixel_format: cUint(pixel), width: cUint(width), height: cUint(height)}
		err := ioctl(fd, vidiocEnumIntervals, arg)
		if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOTTY) {
			break
		}
		if err != nil {
			return nil, err
		}
		rates = append(rates, makeRates(arg)...)
		if arg._type != intervalDiscrete {
			break
		}
	}
	rates = slices.DeleteFunc(rates, func(fps float64) bool { return fps == 0 })
	slices.SortFunc(rates, func(a, b float64) int { return cmp.Compare(b, a) })
	return slices.Compact(rates), nil
}

// makeRates reads one rate, or the two ends of a range: the union holds a v4l2_fract, or three: the shortest
// interval, the longest and the step.
func makeRates(arg *cInterval) []float64 {
	union := arg.anon0[:]
	if arg._type == intervalDiscrete {
		return []float64{fractionRate(union)}
	}
	return []float64{fractionRate(union), fractionRate(union[8:])}
}

// fractionRate reads a v4l2_fract, the time between two frames.
func fractionRate(b []byte) float64 {
	return rate(binary.NativeEndian.Uint32(b), binary.NativeEndian.Uint32(b[4:]))
}

//go:build linux && cgo

package device

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/vladimirvivien/go4vl/v4l2"
	"golang.org/x/sys/unix"

	"github.com/bramble-cam/bramble/agent/internal/source"
)

func TestFault(t *testing.T) {
	for _, tt := range []struct {
		err   error
		there bool
		want  error // nil: none of this package's
		words []string
	}{
		{unix.ENODEV, true, source.ErrGone, nil},
		{unix.ENXIO, true, source.ErrGone, nil},
		{unix.ENOENT, true, source.ErrGone, nil},
		{unix.EIO, false, source.ErrGone, nil},
		{unix.EIO, true, nil, []string{"input/output error"}},
		{v4l2.ErrorSystem, false, source.ErrGone, nil},
		{v4l2.ErrorSystem, true, nil, []string{"system error"}},
		{unix.EBUSY, true, source.ErrBusy, []string{"fuser -v /dev/video7"}},
		{unix.EACCES, true, source.ErrPermission, []string{"sudo usermod -aG video $USER", "SupplementaryGroups=video"}},
		{unix.EPERM, true, source.ErrPermission, []string{"DeviceAllow=char-video4linux rw"}},
		{unix.ENOSPC, true, ErrBandwidth, []string{"lower size or fps", "mjpeg", "another USB controller"}},
		{unix.ENOTTY, true, ErrNotCamera, nil},
		{unix.EISDIR, true, ErrNotCamera, nil},
		{v4l2.ErrorUnsupported, true, ErrNotCamera, nil},
		{unix.ENOMEM, true, nil, []string{"lower size", "cma="}},
		{unix.EINVAL, true, nil, []string{"invalid argument"}},
	} {
		cause := fmt.Errorf("start streaming: %w", tt.err)
		err := fault("/dev/video7", "stream", cause, func() bool { return tt.there })
		want := tt.want
		if want == nil {
			want = tt.err
		}
		wantErr(t, err, want, append(tt.words, "/dev/video7", "stream", tt.err.Error())...)
		for _, kind := range []error{source.ErrGone, source.ErrBusy, source.ErrPermission, ErrBandwidth, ErrNotCamera,
			ErrFormat} {
			if errors.Is(err, kind) != (errors.Is(kind, tt.want)) {
				t.Errorf("%v: is %q: %v", err, kind, errors.Is(err, kind))
			}
		}
	}
}

func TestInterval(t *testing.T) {
	for fps, want := range map[float64]v4l2.Fract{
		30:     {Numerator: 1, Denominator: 30},
		1:      {Numerator: 1, Denominator: 1},
		29.97:  {Numerator: 1000, Denominator: 29970},
		7.5:    {Numerator: 1000, Denominator: 7500},
		0.5:    {Numerator: 1000, Denominator: 500},
		0.0001: {Numerator: 1000, Denominator: 1},
	} {
		if got := interval(fps); got != want {
			t.Errorf("%v fps: %+v, want %+v", fps, got, want)
		}
	}
	if got := rate(1001, 30000); got < 29.97 || got > 29.971 {
		t.Errorf("%v", got)
	}
	if got := rate(0, 30); got != 0 {
		t.Errorf("%v", got)
	}
}

func TestChoose(t *testing.T) {
	for _, tt := range []struct {
		want    PixelFormat
		offered []PixelFormat
		got     PixelFormat
		ok      bool
	}{
		{MJPEG, []PixelFormat{YUYV, MJPEG}, MJPEG, true},
		{MJPEG, []PixelFormat{JPEG, MJPEG}, MJPEG, true},
		{MJPEG, []PixelFormat{YUYV, JPEG}, JPEG, true},
		{JPEG, []PixelFormat{MJPEG}, MJPEG, true},
		{H264, []PixelFormat{MJPEG, JPEG}, H264, false},
		{YUYV, nil, YUYV, false},
	} {
		if got, ok := choose(tt.want, tt.offered); got != tt.got || ok != tt.ok {
			t.Errorf("%v of %v: %v %v", tt.want, tt.offered, got, ok)
		}
	}
}

func TestMakeRates(t *testing.T) {
	for _, tt := range []struct {
		kind  cUint // 1 discrete, 2 continuous, 3 stepwise
		words []uint32
		want  []float64
	}{
		{1, []uint32{1001, 30030, 7, 7, 7, 7}, []float64{30}},
		{1, []uint32{0, 30}, []float64{0}},
		{2, []uint32{1, 60, 2, 5, 1, 1}, []float64{60, 2.5}},
		{3, []uint32{333333, 9999990, 1, 1, 1, 30}, []float64{30, 1}},
	} {
		arg := &cInterval{_type: tt.kind}
		for i, word := range tt.words {
			binary.NativeEndian.PutUint32(arg.anon0[4*i:], word)
		}
		if got := makeRates(arg); !slices.Equal(got, tt.want) {
			t.Errorf("%d %v: %v, want %v", tt.kind, tt.words, got, tt.want)
		}
	}
}

func TestCaptures(t *testing.T) {
	const capture, m2m = v4l2.CapVideoCapture | v4l2.CapStreaming, v4l2.CapVideoMem2Mem
	for _, tt := range []struct {
		about v4l2.Capability
		want  bool
	}{
		{v4l2.Capability{Driver: "uvcvideo", Capabilities: capture}, true}, // before Linux 3.4
		{v4l2.Capability{Driver: "uvcvideo", Capabilities: capture | v4l2.CapDeviceCapabilities, DeviceCapabilities: capture},
			true},
		{v4l2.Capability{
			Driver: "uvcvideo", Capabilities: capture | v4l2.CapDeviceCapabilities,
			DeviceCapabilities: v4l2.CapMetadataCapture | v4l2.CapStreaming,
		}, false},
		{v4l2.Capability{Driver: "bm2835 mmal", Capabilities: capture}, true}, // the Pi camera with the legacy stack
		{v4l2.Capability{Driver: "unicam", Capabilities: capture}, false},
		{v4l2.Capability{Driver: "rp1-cfe", Capabilities: capture}, false},
		{v4l2.Capability{Driver: "bcm2835-isp", Capabilities: capture}, false},
		{v4l2.Capability{Driver: "bcm2835-codec", Capabilities: v4l2.CapVideoMem2MemMPlane | v4l2.CapStreaming}, false},
		{v4l2.Capability{Driver: "vicodec", Capabilities: capture | m2m}, false},
		{v4l2.Capability{Driver: "any", Capabilities: v4l2.CapVideoCaptureMPlane | v4l2.CapStreaming}, false},
		{v4l2.Capability{Driver: "v4l2 loopback", Capabilities: v4l2.CapVideoOutput | v4l2.CapStreaming}, false},
		{v4l2.Capability{Driver: "old", Capabilities: v4l2.CapVideoCapture | v4l2.CapReadWrite}, false},
	} {
		if got := captures(tt.about); got != tt.want {
			t.Errorf("%+v captures: %v", tt.about, got)
		}
	}
}

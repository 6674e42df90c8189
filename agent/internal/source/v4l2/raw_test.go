package v4l2

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"strings"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/agent/internal/source"
	"github.com/bramble-cam/bramble/agent/internal/source/v4l2/device"
	"github.com/bramble-cam/bramble/shared/drop"
)

// bars are the colors of the test pictures, from left to right, as R, G, B and in the limited range of ITU-R BT.601,
// as Y, Cb, Cr.
func bars() []struct{ rgb, limited [3]byte } {
	return []struct{ rgb, limited [3]byte }{
		{[3]byte{255, 255, 255}, [3]byte{235, 128, 128}},
		{[3]byte{255, 0, 0}, [3]byte{81, 90, 240}},
		{[3]byte{0, 0, 255}, [3]byte{41, 240, 110}},
		{[3]byte{0, 0, 0}, [3]byte{16, 128, 128}},
	}
}

// rawBars draws them with a stride, as a driver would fill its buffer.
func rawBars(g device.Negotiated) []byte {
	value := func(x, component int) byte {
		b := bars()[x*4/g.Width]
		if !g.FullRange {
			return b.limited[component]
		}
		y, cb, cr := color.RGBToYCbCr(b.rgb[0], b.rgb[1], b.rgb[2])
		return [3]byte{y, cb, cr}[component]
	}
	lines := g.Height
	if g.Pixel == device.NV12 {
		lines += g.Height / 2
	}
	buf := bytes.Repeat([]byte{0xee}, g.Stride*lines)
	for y := range lines {
		line := buf[y*g.Stride:]
		for x := range g.Width {
			switch {
			case g.Pixel == device.YUYV:
				line[2*x], line[2*x+1] = value(x, 0), value(x&^1, 1+x%2)
			case y < g.Height:
				line[x] = value(x, 0)
			default:
				line[x] = value(x&^1, 1+x%2)
			}
		}
	}
	return buf
}

func TestRawColours(t *testing.T) {
	for _, g := range []device.Negotiated{
		{Pixel: device.YUYV, Width: 64, Height: 48, Stride: 128},
		{Pixel: device.YUYV, Width: 64, Height: 33, Stride: 160},
		{Pixel: device.YUYV, Width: 64, Height: 48, Stride: 128, FullRange: true},
		{Pixel: device.NV12, Width: 64, Height: 48, Stride: 64},
		{Pixel: device.NV12, Width: 64, Height: 48, Stride: 96},
		{Pixel: device.NV12, Width: 64, Height: 48, Stride: 64, FullRange: true},
	} {
		t.Run(fmt.Sprintf("%s, stride %d, full %v", g.Pixel, g.Stride, g.FullRange), func(t *testing.T) {
			h := newFakeHost(t, g.Pixel)
			h.give = func(device.Config) device.Negotiated { return g }
			raw := rawBars(g)
			h.buffers = stream(raw, raw, raw[:len(raw)-g.Stride-1], raw)
			drops := &drop.Counters{}
			got, err := h.play(h.source("quality=90", drops))
			if err != nil || len(got) != 3 {
				t.Fatalf("%d frames, %v", len(got), err)
			}
			counts(t, drops, map[drop.Reason]uint64{drop.Decode: 1})
			if !bytes.Equal(got[0].Data, got[1].Data) || !bytes.Equal(got[0].Data, got[2].Data) || got[2].Lost != 1 {
				t.Error("the same picture gives different JPEGs")
			}
			img, err := jpeg.Decode(bytes.NewReader(got[2].Data))
			if err != nil {
				t.Fatal(err)
			}
			if size := (image.Point{got[0].Width, got[0].Height}); img.Bounds().Size() != size ||
				size != image.Pt(g.Width, g.Height) {
				t.Errorf("size %v in the frame, %v in the picture", size, img.Bounds())
			}
			for i, bar := range bars() {
				for _, y := range []int{4, g.Height - 5} {
					r, green, b, _ := img.At(8+16*i, y).RGBA()
					for c, v := range []uint32{r, green, b} {
						if d := int(v>>8) - int(bar.rgb[c]); d < -6 || d > 6 {
							t.Errorf("bar %d, line %d: component %d is %d, want %d", i, y, c, v>>8, bar.rgb[c])
						}
					}
				}
			}
		})
	}
}

// TestRawOddSizes: a last column or line without a color of its own is left out, and too small a picture is none.
func TestRawOddSizes(t *testing.T) {
	for _, c := range []struct {
		given device.Negotiated
		want  image.Point
	}{
		{device.Negotiated{Pixel: device.YUYV, Width: 65, Height: 33, Stride: 132}, image.Pt(64, 33)},
		{device.Negotiated{Pixel: device.NV12, Width: 65, Height: 33, Stride: 66}, image.Pt(64, 32)},
		{device.Negotiated{Pixel: device.YUYV, Width: 1, Height: 33}, image.Point{}},
		{device.Negotiated{Pixel: device.NV12, Width: 64, Height: 1}, image.Point{}},
	} {
		h := newFakeHost(t, c.given.Pixel)
		h.give = func(device.Config) device.Negotiated { return c.given }
		h.buffers = stream(make([]byte, 132*50))
		got, err := h.play(h.source("", &drop.Counters{}))
		if err != nil {
			t.Fatal(err)
		}
		var size image.Point
		if len(got) > 0 {
			size = image.Pt(got[0].Width, got[0].Height)
		}
		if size != c.want {
			t.Errorf("%+v: %v, want %v", c.given, size, c.want)
		}
	}
}

// TestRawQuality: it can be changed while the camera runs, and the cost is told.
func TestRawQuality(t *testing.T) {
	h := newFakeHost(t, device.YUYV)
	given := device.Negotiated{Pixel: device.YUYV, Width: 64, Height: 48, Stride: 128}
	h.give = func(device.Config) device.Negotiated { return given }
	h.buffers = stream(rawBars(given), rawBars(given), rawBars(given))
	src := h.source("", &drop.Counters{})
	h.before = func(i int) {
		if i > 0 {
			quality := []int{0, 5, 100}[i]
			if err := src.(source.Configurer).Configure(source.Settings{Quality: &quality}); err != nil {
				t.Error(err)
			}
		}
	}
	got, err := h.play(src)
	if err != nil || len(got) != 3 || !(len(got[1].Data) < len(got[0].Data) && len(got[0].Data) < len(got[2].Data)) {
		t.Errorf("%d frames, %v", len(got), err)
	}
	if w := src.(source.Warner).Warning(); !strings.Contains(w, "about 1 ms a frame") ||
		!strings.Contains(w, "a camera with MJPEG would cost nothing") {
		t.Errorf("warning %q", w)
	}
}

func TestRawCost(t *testing.T) {
	p := &rawReader{cost: &(&stats{}).cost}
	p.cost.Store(int64(time.Hour)) // of an earlier Run
	for n, c := range []struct{ spent, want time.Duration }{
		{90 * time.Millisecond, 90 * time.Millisecond},
		{30 * time.Millisecond, 60 * time.Millisecond},
		{30 * time.Millisecond, 50 * time.Millisecond},
		{0, 37500 * time.Microsecond},
	} {
		p.spent(int64(c.spent))
		if got := time.Duration(p.cost.Load()); got != c.want {
			t.Errorf("after %d frames: %v, want %v", n+1, got, c.want)
		}
	}
	for range 200 {
		p.spent(int64(10 * time.Millisecond))
	}
	if got := time.Duration(p.cost.Load()); got < 10*time.Millisecond || got > 11*time.Millisecond {
		t.Errorf("after 200 frames of 10 ms: %v", got)
	}
}

func TestRawWarmup(t *testing.T) {
	given := device.Negotiated{Pixel: device.YUYV, Width: 64, Height: 48, Stride: 128}
	grey := func(luma byte) []byte { return bytes.Repeat([]byte{luma, 128}, 64*48) }
	h := newFakeHost(t, device.YUYV)
	h.give = func(device.Config) device.Negotiated { return given }
	var frames [][]byte
	for i := range 40 { // black, then ever brighter, then steady from the twelfth on
		frames = append(frames, grey(byte(16+min(i, 12)*12)))
	}
	h.buffers = stream(frames...)
	drops := &drop.Counters{}
	src, err := h.parse("/dev/video0#warmup=2s", drops)
	if err != nil {
		t.Fatal(err)
	}
	got, err := h.play(src)
	if err != nil || len(got) != 40-19 || drops.Get(drop.Warmup) != 19 {
		t.Errorf("%d frames, %v, %v", len(got), drops.Map(), err)
	}
}

// BenchmarkRaw is what a raw frame costs: loading the planes, and image/jpeg.
func BenchmarkRaw(b *testing.B) {
	for _, g := range []device.Negotiated{
		{Pixel: device.YUYV, Width: 640, Height: 480, Stride: 1280},
		{Pixel: device.NV12, Width: 640, Height: 480, Stride: 640},
		{Pixel: device.YUYV, Width: 1280, Height: 720, Stride: 2560},
	} {
		b.Run(fmt.Sprintf("%s_%dx%d", g.Pixel, g.Width, g.Height), func(b *testing.B) {
			h := newFakeHost(b, g.Pixel)
			h.give = func(device.Config) device.Negotiated { return g }
			sum := 0
			r := benchRun(b, h, "", func(f source.Frame) { sum += len(f.Data) })
			data := rawBars(g)
			for i := range data { // as much detail as a room has
				data[i] += byte(i * i >> 9 & 15)
			}
			b.ReportAllocs()
			n := uint32(0)
			for b.Loop() {
				n++
				r.onBuffer(device.Buffer{Data: data, Sequence: n, Time: hour + time.Duration(n)*time.Millisecond})
			}
			b.ReportMetric(float64(sum)/float64(n), "JPEG-bytes")
		})
	}
	b.Run("load_640x480", func(b *testing.B) {
		p := &rawReader{given: device.Negotiated{Pixel: device.YUYV, Width: 640, Height: 480, Stride: 1280}}
		data := make([]byte, 640*480*2)
		for b.Loop() {
			p.load(data)
		}
	})
}

package e2e

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"golang.org/x/image/draw"

	"github.com/bramble-cam/bramble/internal/testpattern/timecode"
	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/subject"
)

// minPSNR is how alike, in dB, a picture and the one that the camera took must be.
const minPSNR = 28

// recording is what a camera has taken so far, by the millisecond of its capture.
type recording struct {
	mu    sync.Mutex
	jpegs map[int64][]byte
}

// record takes all frames of a JPEG camera from NATS until the test ends.
func record(t *testing.T, natsURL, camera string) *recording {
	t.Helper()
	r := &recording{jpegs: make(map[int64][]byte)}
	space, err := subject.NewSpace("")
	if err != nil {
		t.Fatal(err)
	}
	nc := testutil.Connect(t, natsURL)
	if _, err := nc.Subscribe(space.Frames(camera, frame.JPEG), func(m *nats.Msg) {
		if f, err := frame.Decode(frame.JPEG, frame.Header(m.Header), m.Data); err == nil { // a probe is no frame
			r.mu.Lock()
			defer r.mu.Unlock()
			r.jpegs[f.CaptureTime.UnixMilli()] = f.Payload
		}
	}); err != nil {
		t.Fatal(err)
	}
	return r
}

// check checks the pictures that a client was shown: their size, that their clocks go on, and that they are what the
// camera took at that time.
func (r *recording) check(t *testing.T, pictures []image.Image, to target) {
	t.Helper()
	if want := map[bool]int{true: 1, false: enough}[to.kind == "jpeg"]; pictures != nil && len(pictures) < want {
		t.Errorf("%d pictures, want %d", len(pictures), want)
	}
	var last time.Time
	for n, img := range pictures {
		if img.Bounds().Dx() != to.width {
			t.Errorf("picture %d: %v, want %d wide", n, img.Bounds(), to.width)
		}
		at := clockOf(t, img)
		if at.Before(last) {
			t.Errorf("picture %d shows %v after %v", n, at, last)
		}
		last = at
		if n > 0 {
			continue // one is compared: that takes longer than all else
		}
		var source []byte
		testutil.Eventually(t, "the camera took a picture at "+at.String(), func() bool {
			r.mu.Lock()
			defer r.mu.Unlock()
			source = r.jpegs[at.UnixMilli()]
			return source != nil
		})
		want, err := jpeg.Decode(bytes.NewReader(source))
		if err != nil {
			t.Fatal(err)
		}
		if db := psnr(img, want); db < minPSNR {
			t.Errorf("picture %d: PSNR %.1f dB", n, db)
		}
	}
}

func clockOf(t *testing.T, img image.Image) time.Time {
	t.Helper()
	at, err := timecode.Read(img)
	if err != nil {
		t.Fatalf("no clock in a picture of %v: %v", img.Bounds(), err)
	}
	return at
}

// psnr compares the luma of a picture with the one that it was made of. The clock is left out: its edges are the
// scaler's business.
func psnr(got, source image.Image) float64 {
	b := got.Bounds()
	want := source
	if source.Bounds().Dx() != b.Dx() {
		scaled := image.NewGray(image.Rect(0, 0, b.Dx(), b.Dy()))
		draw.BiLinear.Scale(scaled, scaled.Rect, source, source.Bounds(), draw.Src, nil)
		want = scaled
	}
	luma := func(img image.Image, x, y int) float64 {
		return float64(color.GrayModel.Convert(img.At(x, y)).(color.Gray).
			Y) //nolint:forcetypeassert // it converts to nothing else
	}
	var sum, n float64
	for y := b.Dx() / 20; y < b.Dy(); y += 3 {
		for x := 0; x < b.Dx(); x += 3 {
			d := luma(got, b.Min.X+x, b.Min.Y+y) - luma(want, x, y)
			sum += d * d
			n++
		}
	}
	return 10 * math.Log10(255*255/(sum/n+1e-9))
}

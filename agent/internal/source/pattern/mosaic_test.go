package pattern

import (
	"bytes"
	"fmt"
	"image"
	"image/draw"
	"image/jpeg"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

func decodeJPEG(t testing.TB, data []byte) image.Image {
	t.Helper()
	img, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// drawWhole draws a card without the mosaic.
func (c *card) drawWhole(m moment) *image.RGBA {
	img := image.NewRGBA(image.Rectangle{Max: c.size})
	c.background(img)
	for _, s := range c.sprites {
		s.set(m)
		s.paint(img)
	}
	return img
}

// cardMoments are instants around which much of the card changes, and a second of ordinary frames.
func cardMoments() []moment {
	zone := time.FixedZone("", 2*3600)
	moments := []moment{
		{time.Date(2026, 8, 6, 18, 3, 42, 347e6, zone), 1234},
		{time.Date(2026, 8, 6, 23, 59, 59, 999e6, zone), 9999999},
		{time.Date(2026, 8, 7, 0, 0, 0, 0, zone), 10000000},
		{time.Date(2026, 10, 25, 2, 0, 0, 0, time.UTC), 10000001},
		{time.Date(2026, 8, 6, 18, 3, 42, 347e6, zone), 1234},
	}
	for n := range int64(40) {
		moments = append(moments, moment{moments[0].now.Add(time.Duration(n) * 103 * time.Millisecond), n * 37})
	}
	return moments
}

// The mosaic must decode to exactly the pixels of the same card encoded as a whole by image/jpeg.
func TestMosaicEqualsWholePicture(t *testing.T) {
	const long = "a-camera-with-a-name-as-long-as-the-longest-that-is-allowed-63"
	for _, c := range []struct {
		width, height int
		name          string
		moments       int // the first five are the special ones
	}{
		{1280, 720, "porch", 2}, {640, 360, long, 7}, {640, 480, "attic", 5}, {480, 270, "porch", 12}, {854, 486, "porch", 3},
		{320, 240, long, 20}, {160, 120, "x", 45}, {160, 120, long, 45}, {162, 1080, "tower", 5}, {1920, 120, "fence", 5},
	} {
		t.Run(fmt.Sprintf("%dx%d/%s", c.width, c.height, c.name), func(t *testing.T) {
			t.Parallel()
			o := options{Width: c.width, Height: c.height, FPS: 15, Quality: 80}
			card, err := newCard(c.name, o)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range cardMoments()[:c.moments] {
				compareWithWhole(t, card, m, o.Quality)
			}
		})
	}
}

func compareWithWhole(t *testing.T, card *card, m moment, quality int) {
	t.Helper()
	got, err := card.jpeg(m.now, m.frame)
	if err != nil {
		t.Fatal(err)
	}
	var whole bytes.Buffer
	if err := jpeg.Encode(&whole, card.drawWhole(m), &jpeg.Options{Quality: quality}); err != nil {
		t.Fatal(err)
	}
	a, b := decodeJPEG(t, got).(*image.YCbCr), decodeJPEG(t, whole.Bytes()).(*image.YCbCr)
	if a.Rect != b.Rect || !bytes.Equal(a.Cb, b.Cb) || !bytes.Equal(a.Cr, b.Cr) || !bytes.Equal(a.Y, b.Y) {
		t.Fatalf("%v: the mosaic and the whole picture differ, first in tile %v", m.now, firstDifference(a, b))
	}
}

func firstDifference(a, b *image.YCbCr) image.Point {
	for y := range a.Rect.Dy() {
		for x := range a.Rect.Dx() {
			if a.YCbCrAt(x, y) != b.YCbCrAt(x, y) {
				return image.Pt(x/tileSize, y/tileSize)
			}
		}
	}
	return image.Pt(-1, -1)
}

// Another decoder than Go's finds nothing to complain about, and sees the same picture.
func TestMosaicDecodesWithFFmpeg(t *testing.T) {
	ffmpeg, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Skip("ffmpeg is not installed; it is the second opinion on the mosaic's JPEGs")
	}
	card, err := newCard("porch", options{Width: 640, Height: 360, FPS: 15, Quality: 80})
	if err != nil {
		t.Fatal(err)
	}
	m := cardMoments()[0]
	data, err := card.jpeg(m.now, m.frame)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "card.jpeg")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	var complaints bytes.Buffer
	cmd := exec.CommandContext(t.Context(), ffmpeg, "-v", "warning", "-xerror", "-err_detect", "explode",
		"-i", file, "-f", "rawvideo", "-pix_fmt", "yuvj420p", "-")
	cmd.Stderr = &complaints
	pixels, err := cmd.Output()
	if err != nil || len(pixels) != 640*360*3/2 {
		t.Fatalf("ffmpeg: %v, %d bytes: %s", err, len(pixels), complaints.String())
	}
	if bytes.Contains(complaints.Bytes(), []byte("mjpeg")) {
		t.Errorf("ffmpeg's decoder warns: %s", complaints.String())
	}
	want := decodeJPEG(t, data).(*image.YCbCr)
	for y := range 360 {
		for x := range 640 {
			d := int(pixels[y*640+x]) - int(want.Y[y*want.YStride+x])
			if d < -2 || d > 2 {
				t.Fatalf("pixel (%d,%d) differs by %d", x, y, d)
			}
		}
	}
}

// A full store of pieces is emptied, and the picture stays right.
func TestMosaicBoundsItsMemory(t *testing.T) {
	o := options{Width: 320, Height: 240, FPS: 15, Quality: 80}
	card, err := newCard("porch", o)
	if err != nil {
		t.Fatal(err)
	}
	card.mosaic.limit = 200
	emptied, last := 0, 0
	for _, m := range cardMoments() {
		compareWithWhole(t, card, m, o.Quality)
		n := len(card.mosaic.pieces)
		if n < last {
			emptied++
		}
		if last = n; n > 200 {
			t.Fatalf("%d pieces", n)
		}
	}
	if emptied == 0 {
		t.Error("the store was never full: the test shows nothing")
	}
}

// A minute of frames has shown nearly every piece; after that a frame is copied without an allocation.
func TestFrameAllocations(t *testing.T) {
	card, start := warmCard(t)
	n := int64(0)
	allocs := testing.AllocsPerRun(300, func() {
		if _, err := card.jpeg(start.Add(time.Duration(n)*time.Second/15), n); err != nil {
			t.Fatal(err)
		}
		n++
	})
	if allocs > 4 {
		t.Errorf("%.1f allocations a frame", allocs)
	}
}

// warmCard returns a card of the default size that has shown a minute of frames.
func warmCard(t testing.TB) (*card, time.Time) {
	t.Helper()
	card, err := newCard("porch", options{}.withDefaults())
	if err != nil {
		t.Fatal(err)
	}
	start := cardMoments()[0].now
	for n := range int64(60 * 15) {
		if _, err := card.jpeg(start.Add(time.Duration(n-60*15)*time.Second/15), n); err != nil {
			t.Fatal(err)
		}
	}
	return card, start
}

func BenchmarkFrame(b *testing.B) {
	card, start := warmCard(b)
	b.ReportAllocs()
	for n := int64(0); b.Loop(); n++ {
		data, err := card.jpeg(start.Add(time.Duration(n)*time.Second/15), n)
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(len(data)))
	}
	b.ReportMetric(float64(len(card.mosaic.pieces)), "pieces")
}

// BenchmarkWholePicture is what the mosaic saves: the same card drawn over a kept background and encoded as a whole.
func BenchmarkWholePicture(b *testing.B) {
	card, start := warmCard(b)
	background := image.NewRGBA(image.Rectangle{Max: card.size})
	card.background(background)
	img := image.NewRGBA(background.Rect)
	var out fileBuffer
	b.ReportAllocs()
	for n := int64(0); b.Loop(); n++ {
		draw.Draw(img, img.Rect, background, image.Point{}, draw.Src)
		for _, s := range card.sprites {
			s.set(moment{start.Add(time.Duration(n) * time.Second / 15), n})
			s.paint(img)
		}
		out.Reset()
		if err := jpeg.Encode(&out, img, &jpeg.Options{Quality: 80}); err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(out.Len()))
	}
}

func BenchmarkNewTestCard(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := newTestCard("porch", options{}); err != nil {
			b.Fatal(err)
		}
	}
}

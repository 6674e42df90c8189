package placeholder

import (
	"bytes"
	"image/jpeg"
	"strings"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/internal/draw"
)

func TestSize(t *testing.T) {
	for _, c := range []struct{ width, height, wantWidth, wantHeight int }{
		{0, 0, 1280, 720}, {1280, 720, 1280, 720}, {641, 361, 641, 361}, {1, 1, 160, 120}, {-5, 400, 160, 400},
		{4096, 2160, 1920, 1080}, {160, 1080, 160, 1080}, {1920, 120, 1920, 120},
	} {
		data := JPEG("porch", time.Now().Add(-2*time.Minute), "agent stopped", c.width, c.height)
		img, err := jpeg.Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if b := img.Bounds(); b.Dx() != c.wantWidth || b.Dy() != c.wantHeight {
			t.Errorf("%dx%d gives %v, want %dx%d", c.width, c.height, b, c.wantWidth, c.wantHeight)
		}
	}
}

// Whatever text there is, a picture comes out.
func TestOddText(t *testing.T) {
	for _, text := range []string{"", "\x00\xff\n\t", strings.Repeat("x", 5000), strings.Repeat("word ", 300),
		"тест Grüße 写"} {
		if _, err := jpeg.Decode(bytes.NewReader(JPEG(text, time.Time{}, text, 320, 240))); err != nil {
			t.Errorf("%.20q: %v", text, err)
		}
	}
}

// What the picture says depends on each of its parts.
func TestEveryPartShows(t *testing.T) {
	pictures := make(map[string]bool)
	for _, c := range [][3]string{
		{"porch", "last seen 18:03:22, 2 min ago", "agent stopped"},
		{"attic", "last seen 18:03:22, 2 min ago", "agent stopped"},
		{"porch", "last seen 18:03:22, 3 min ago", "agent stopped"},
		{"porch", "last seen 18:03:22, 2 min ago", "cable unplugged"},
		{"porch", "last seen 18:03:22, 2 min ago", ""},
	} {
		pictures[string(render(c[0], c[1], c[2], 640, 360))] = true
	}
	if len(pictures) != 5 {
		t.Errorf("%d different pictures, want 5", len(pictures))
	}
}

func TestSeen(t *testing.T) {
	now := time.Date(2026, 8, 6, 18, 5, 30, 0, time.Local)
	for _, c := range []struct {
		last time.Time
		want string
	}{
		{time.Time{}, "never seen"},
		{now.Add(time.Second), "last seen 18:05:31, just now"},
		{now.Add(-300 * time.Millisecond), "last seen 18:05:29, just now"},
		{now.Add(-12 * time.Second), "last seen 18:05:18, 12 s ago"},
		{now.Add(-128 * time.Second), "last seen 18:03:22, 2 min ago"},
		{now.Add(-150 * time.Minute), "last seen 15:35:30, 2 h ago"},
		{time.Date(2026, 8, 5, 18, 5, 30, 0, time.Local), "last seen 5 Aug 2026 18:05, 24 h ago"},
		{time.Date(2026, 8, 1, 18, 5, 30, 0, time.Local), "last seen 1 Aug 2026 18:05, 5 days ago"},
	} {
		if got := seen(c.last, now); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func TestWrap(t *testing.T) {
	face := draw.NewFace(20)
	room := face.Width("the camera was unplugged")
	for _, c := range []struct {
		text string
		want []string
	}{
		{"", nil},
		{"unplugged", []string{"unplugged"}},
		{"the camera was unplugged", []string{"the camera was unplugged"}},
		{"the camera was unplugged by a dog", []string{"the camera was", "unplugged by a dog"}},
	} {
		if got := wrap(face, c.text, room, 2); strings.Join(got, "|") != strings.Join(c.want, "|") {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
	for _, text := range []string{strings.Repeat("x", 500), strings.Repeat("word ", 50)} {
		got := wrap(face, text, room, 2)
		if last := got[len(got)-1]; len(got) > 2 || !strings.HasSuffix(last, "…") || face.Width(last) > room {
			t.Errorf("%q: %q is %d wide, room for %d", text[:8], got, face.Width(last), room)
		}
	}
}

func BenchmarkJPEG(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		JPEG("porch", time.Now(), "agent stopped", 1280, 720)
	}
}

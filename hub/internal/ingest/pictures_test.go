package ingest

import (
	"encoding/binary"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/hub/internal/mpjpeg"
	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/media"
	"github.com/bramble-cam/bramble/shared/frame"
)

// withComment returns a JPEG with a comment segment behind its SOI.
func withComment(jpeg []byte, comment string) []byte {
	segment := binary.BigEndian.AppendUint16([]byte{0xff, 0xfe}, uint16(2+len(comment)))
	return slices.Concat(jpeg[:2], segment, []byte(comment), jpeg[2:])
}

// TestBoundaryInPicture plays a camera whose pictures contain a whole part with HTML.
// It is in a comment that decoders ignore.
func TestBoundaryInPicture(t *testing.T) {
	c := newCam(t, "porch", frame.JPEG)
	into := c.feed(nil)
	f := silentReceiver(into, 0)
	part := string(mpjpeg.Tail) + "Content-Type: text/html\r\n\r\n<script>alert(1)</script>" + string(mpjpeg.Tail)
	f.handle(c.msg(c.with(false, withComment(c.jpeg, part))))
	f.handle(c.msg(c.with(false, withComment(c.jpeg, "bramble"))))
	f.handle(c.msg(c.with(false, withComment(c.jpeg, mpjpeg.Boundary))))
	f.handle(c.msg(c.frame(false)))
	if d := into.Drops.Map(); into.FramesIn.Load() != 2 || len(d) != 1 || d["boundary"] != 2 {
		t.Errorf("%d frames came in, dropped %v", into.FramesIn.Load(), d)
	}
}

// sized returns a JPEG that says it has this size.
func sized(jpeg []byte, width, height uint16) []byte {
	jpeg = slices.Clone(jpeg)
	sof := slices.Index(jpeg, 0xc0) // of a small gray picture, no other byte before it has this value
	binary.BigEndian.PutUint16(jpeg[sof+4:], height)
	binary.BigEndian.PutUint16(jpeg[sof+6:], width)
	return jpeg
}

// TestMegapixels: 8K is accepted. A picture of which a browser would keep 262 MB is refused, even if it is cropped.
func TestMegapixels(t *testing.T) {
	c := newCam(t, "porch", frame.JPEG)
	into := c.feed(nil)
	f := newReceiver(into, newDropLog(slog.New(slog.DiscardHandler)), "cam.porch.x", Limits{Pixels: 40})
	for _, size := range [][2]uint16{{7680, 4320}, {16000, 4100}, {8000, 8000}, {640, 480}} {
		f.handle(c.msg(c.with(false, sized(c.jpeg, size[0], size[1]))))
	}
	if d := into.Drops.Map(); into.FramesIn.Load() != 2 || len(d) != 1 || d["dimensions"] != 2 {
		t.Errorf("%d frames came in, dropped %v", into.FramesIn.Load(), d)
	}
	err := f.checkPixels(16000 * 4100)
	if !errors.Is(err, errPixels) || !strings.Contains(err.Error(), "65.6 million pixels") ||
		!strings.Contains(err.Error(), "max-megapixels") {
		t.Error(err)
	}
	f.pixels = 0
	f.handle(c.msg(c.with(false, sized(c.jpeg, 16000, 4100))))
	if into.FramesIn.Load() != 3 {
		t.Errorf("without a limit it is dropped: %v", into.Drops.Map())
	}
}

// TestMegapixelsBeforeCropping: the pixels in a decoder's memory count.
func TestMegapixelsBeforeCropping(t *testing.T) {
	c := newCam(t, "porch", frame.H264)
	into := c.feed(nil)
	f := newReceiver(into, newDropLog(slog.New(slog.DiscardHandler)), "cam.porch.x", Limits{Pixels: 40})
	f.handle(c.msg(c.frame(true)))
	if into.FramesIn.Load() != 1 {
		t.Fatalf("dropped %v", into.Drops.Map())
	}
	f.pixels = 16 * 16
	f.handle(c.msg(c.frame(true)))
	if d := into.Drops.Map(); into.FramesIn.Load() != 1 || d["dimensions"] != 1 {
		t.Errorf("%d frames came in, dropped %v", into.FramesIn.Load(), d)
	}
}

// BenchmarkInspect measures the cost of checking a picture with the bytes of a real one.
func BenchmarkInspect(b *testing.B) {
	picture := []byte(tinyJPEG[:len(tinyJPEG)-2])
	random := rand.New(rand.NewPCG(1, 2))
	for range 84_000 {
		picture = append(picture, byte(random.UintN(255))) // 0xff would be a marker
	}
	picture = append(picture, 0xff, 0xd9)
	f := silentReceiver(stream.New(stream.Config{Tracks: media.VideoTracks(media.JPEG)}), 0)
	item := media.Packet{Payload: picture}
	b.SetBytes(int64(len(picture)))
	for b.Loop() {
		if err := f.inspect(&item); err != nil {
			b.Fatal(err)
		}
	}
}

package timecode

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"math/rand/v2"
	"os/exec"
	"testing"
	"time"

	xdraw "golang.org/x/image/draw"
)

// scene returns a picture with content that is as hard on a codec as a camera's.
func scene(width, height int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	random := rand.New(rand.NewPCG(1, 2))
	for i := range img.Pix {
		img.Pix[i] = uint8(i/width) ^ uint8(random.IntN(40))
	}
	return img
}

func stamped(width, height int, t time.Time) *image.RGBA {
	img := scene(width, height)
	Draw(img, t)
	return img
}

func throughJPEG(t testing.TB, img image.Image, quality int) image.Image {
	t.Helper()
	var file bytes.Buffer
	if err := jpeg.Encode(&file, img, &jpeg.Options{Quality: quality}); err != nil {
		t.Fatal(err)
	}
	out, err := jpeg.Decode(&file)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func scaled(img image.Image, width, height int) image.Image {
	out := image.NewRGBA(image.Rect(0, 0, width, height))
	xdraw.ApproxBiLinear.Scale(out, out.Rect, img, img.Bounds(), draw.Src, nil)
	return out
}

var times = []time.Time{
	time.UnixMilli(0),
	time.UnixMilli(1<<48 - 1),
	time.Date(2026, 8, 6, 18, 3, 22, 347e6, time.UTC),
	time.Date(2026, 8, 6, 18, 3, 22, 999_999_999, time.UTC),
	time.Date(2038, 1, 19, 3, 14, 8, 5e5, time.UTC),
}

var sizes = []image.Point{{160, 120}, {318, 240}, {320, 240}, {640, 360}, {854, 486}, {1280, 720}, {1920, 1080}}

func check(t *testing.T, img image.Image, want time.Time) {
	t.Helper()
	got, err := Read(img)
	if err != nil {
		t.Fatal(err)
	}
	if !got.Equal(want.Truncate(time.Millisecond)) {
		t.Fatalf("read %v, drawn %v", got, want)
	}
}

func TestReadsWhatWasDrawn(t *testing.T) {
	for _, size := range sizes {
		times := times
		if size.X > 320 {
			size.Y /= 4 // what is below the strip takes time and is no news
			times = times[:2]
		}
		if size.X > 640 { // nor are large blocks
			times = times[:1]
		}
		for _, at := range times {
			t.Run(fmt.Sprintf("%v/%d", size, at.UnixMilli()), func(t *testing.T) {
				img := stamped(size.X, size.Y, at)
				check(t, img, at)
				coded := throughJPEG(t, img, 40)
				check(t, coded, at)
				half := scaled(coded, size.X/2, size.Y/2)
				check(t, half, at)
				check(t, throughJPEG(t, half, 40), at)
				check(t, scaled(coded, size.X*3/4, size.Y*3/4), at)
				check(t, scaled(coded, size.X*2, size.Y*2), at)
			})
		}
	}
}

func TestReadsInsideALargerImage(t *testing.T) {
	img := scene(700, 500)
	part := img.SubImage(image.Rect(30, 40, 670, 400)).(*image.RGBA)
	Draw(part, times[2])
	check(t, part, times[2])
}

func TestPartsMakeTheWhole(t *testing.T) {
	for _, size := range sizes {
		whole := image.NewRGBA(image.Rectangle{Max: size})
		s := New(size.X, times[2])
		s.Draw(whole)
		pieced := image.NewRGBA(whole.Rect)
		for y := 0; y < size.Y; y += 16 {
			for x := 0; x < size.X; x += 16 {
				s.Draw(pieced.SubImage(image.Rect(x, y, x+16, y+16)).(*image.RGBA))
			}
		}
		if !bytes.Equal(whole.Pix, pieced.Pix) {
			t.Errorf("%v: drawn in parts it differs", size)
		}
		for y := range size.Y {
			for x := range size.X {
				if (whole.RGBAAt(x, y).A != 0) != image.Pt(x, y).In(s.Bounds()) {
					t.Fatalf("%v: bounds %v are wrong at (%d,%d)", size, s.Bounds(), x, y)
				}
			}
		}
	}
}

func TestKey(t *testing.T) {
	for _, size := range sizes {
		pixels := make(map[[2]any]string)
		for n := range 500 {
			s := New(size.X, times[2].Add(time.Duration(n*n)*time.Millisecond))
			tile := image.Rect(16*(n%(size.X/16)), 16*(n%2), 16*(n%(size.X/16))+16, 16*(n%2)+16)
			img := image.NewRGBA(tile)
			s.Draw(img)
			id := [2]any{tile, s.Key(tile)}
			if before, ok := pixels[id]; ok && before != string(img.Pix) {
				t.Fatalf("width %d, %v: one key, two pictures", size.X, tile)
			}
			pixels[id] = string(img.Pix)
		}
	}
}

func TestRefuses(t *testing.T) {
	flat := image.NewRGBA(image.Rect(0, 0, 640, 360))
	draw.Draw(flat, flat.Rect, image.NewUniform(color.Gray{128}), image.Point{}, draw.Src)
	damaged := stamped(640, 360, times[2])
	draw.Draw(damaged, image.Rect(320, 0, 336, 8), image.White, image.Point{}, draw.Src)
	draw.Draw(damaged, image.Rect(336, 0, 352, 8), image.Black, image.Point{}, draw.Src)
	stampedWhole := stamped(640, 360, times[2])
	for name, img := range map[string]image.Image{
		"empty":     image.NewRGBA(image.Rectangle{}),
		"one line":  image.NewGray(image.Rect(0, 0, 640, 1)),
		"flat":      flat,
		"no strip":  scene(640, 360),
		"cropped":   stampedWhole.SubImage(image.Rect(0, 12, 640, 360)),
		"off side":  stampedWhole.SubImage(image.Rect(20, 0, 640, 360)),
		"too small": scaled(stampedWhole, 39, 22),
	} {
		if at, err := Read(img); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: read %v, %v", name, at, err)
		}
	}
	if at, err := Read(damaged); err == nil && at.Equal(times[2]) {
		return // the blocks happened to be what they were painted over with
	} else if !errors.Is(err, ErrNotFound) {
		t.Errorf("damaged: read %v, %v", at, err)
	}
}

// The values are Python's binascii.crc_hqx(data, 0xffff), which is the same CRC.
func TestChecksum(t *testing.T) {
	for ms, want := range map[uint64]uint16{0: 0x0e10, 1<<48 - 1: 0x99cf} {
		if got := checksum(ms); got != want {
			t.Errorf("%x: %04x, want %04x", ms, got, want)
		}
	}
}

// The strip survives a low-rate H.264 encoder, at half size.
func TestReadsThroughH264(t *testing.T) {
	ffmpeg, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Skip("ffmpeg is not installed; it makes the H.264 that this test reads")
	}
	const width, height, frames = 640, 360, 12
	var raw bytes.Buffer
	for n := range frames {
		raw.Write(stamped(width, height, times[2].Add(time.Duration(n)*40*time.Millisecond)).Pix)
	}
	encode := exec.CommandContext(t.Context(), ffmpeg, "-v", "error", "-f", "rawvideo", "-pix_fmt", "rgba", "-s",
		"640x360", "-r", "25", "-i", "-",
		"-vf", "scale=320:180", "-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency",
		"-b:v", "150k", "-f", "h264", "-")
	encode.Stdin = &raw
	stream, err := encode.Output()
	if err != nil {
		t.Skipf("this ffmpeg cannot encode H.264: %v", err)
	}
	decode := exec.CommandContext(t.Context(), ffmpeg, "-v", "error", "-f", "h264", "-i", "-", "-f", "rawvideo",
		"-pix_fmt", "gray", "-")
	decode.Stdin = bytes.NewReader(stream)
	pixels, err := decode.Output()
	if err != nil {
		t.Fatal(err)
	}
	const size = 320 * 180
	if len(pixels) != frames*size {
		t.Fatalf("%d bytes, want %d frames", len(pixels), frames)
	}
	for n := range frames {
		img := &image.Gray{Pix: pixels[n*size : (n+1)*size], Stride: 320, Rect: image.Rect(0, 0, 320, 180)}
		check(t, img, times[2].Add(time.Duration(n)*40*time.Millisecond))
	}
}

func FuzzRead(f *testing.F) {
	f.Add(stamped(160, 120, times[2]).Pix, 160)
	f.Add([]byte{1, 2, 3}, 7)
	f.Fuzz(func(t *testing.T, pix []byte, width int) {
		if width < 1 || width > 2000 {
			return
		}
		img := image.NewRGBA(image.Rect(0, 0, width, len(pix)/4/width))
		copy(img.Pix, pix)
		at, err := Read(img)
		if err == nil && at.Before(time.UnixMilli(0)) {
			t.Errorf("read %v", at)
		}
	})
}

func BenchmarkRead(b *testing.B) {
	img := throughJPEG(b, stamped(1280, 720, times[2]), 80)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Read(img); err != nil {
			b.Fatal(err)
		}
	}
}

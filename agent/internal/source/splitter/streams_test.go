package splitter

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/internal/codec/h264"
	"github.com/bramble-cam/bramble/internal/codec/jpeg"
)

// testdata is where the streams made by x264 lie.
const testdata = "../../../../internal/codec/h264/testdata/"

// wanted is what is in a stream.
type wanted struct{ pictures, keys, slices int }

// h264Fixtures returns the committed streams and what is in them.
func h264Fixtures() map[string]wanted {
	return map[string]wanted{
		"slices.h264":  {24, 3, 96},
		"change.h264":  {20, 4, 20},
		"ids.h264":     {20, 4, 20},
		"bframes.h264": {12, 1, 12},
		"rows.h264":    {6, 2, 408},
	}
}

func readFile(tb testing.TB, name string) []byte {
	tb.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

// variants returns the stream as other encoders would have framed it.
func variants(stream []byte) map[string][]byte {
	var wide, narrow, once []byte
	seen := map[string]bool{}
	for nalu := range h264.NALUs(stream) {
		narrow = append(append(narrow, short...), nalu...)
		wide = append(append(wide, "\x00\x00\x00\x00\x01"...), nalu...)
		if t := nalu[0] & 0x1f; t == 7 || t == 8 {
			if seen[string(nalu)] {
				continue
			}
			seen[string(nalu)] = true
		}
		once = append(append(once, short...), nalu...)
	}
	return map[string][]byte{
		"as it is": stream, "3-byte start codes": narrow, "5-byte start codes": wide, "parameter sets once": once,
		"rubbish first": append([]byte("rubbish"), stream...),
	}
}

// toWire splits a stream and normalises its access units.
func toWire(t *testing.T, r io.Reader) (wire []byte, got wanted) {
	t.Helper()
	s := NewAnnexB(r)
	var n h264.Normalizer
	for {
		au, err := s.Next()
		if errors.Is(err, io.EOF) {
			return wire, got
		}
		if err != nil {
			t.Fatal(err)
		}
		out, info, err := n.Normalize(nil, au)
		if errors.Is(err, h264.ErrNoPicture) {
			continue
		}
		if err != nil {
			t.Fatalf("access unit %d: %v", got.pictures, err)
		}
		got.pictures++
		got.slices += len(slicesOf(out))
		if info.Key {
			got.keys++
			if want := naluStream(long, string(info.Params.SPS[0])); !strings.HasPrefix(string(out), want) {
				t.Errorf("key frame %d does not begin with its SPS", got.keys)
			}
		}
		wire = append(wire, out...)
	}
}

// slicesOf returns the slices of a stream.
func slicesOf(stream []byte) (found []string) {
	for nalu := range h264.NALUs(stream) {
		if t := nalu[0] & 0x1f; t == 1 || t == 5 {
			found = append(found, string(nalu))
		}
	}
	return found
}

func TestH264Streams(t *testing.T) {
	for file, want := range h264Fixtures() {
		stream := readFile(t, testdata+file)
		for name, variant := range variants(stream) {
			for how, r := range readers(string(variant)) {
				t.Run(file+"/"+name+"/"+how, func(t *testing.T) {
					wire, got := toWire(t, r)
					if got != want {
						t.Errorf("%+v, want %+v", got, want)
					}
					if !slices.Equal(slicesOf(wire), slicesOf(stream)) {
						t.Error("the slices are not the same bytes")
					}
				})
			}
		}
	}
}

// ffmpeg is the second opinion: what leaves us must decode to the same pictures as what came in.
func TestWireFormDecodesTheSame(t *testing.T) {
	ffmpeg, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Skip("ffmpeg is not installed; it compares the pictures before and after")
	}
	decode := func(t *testing.T, stream []byte) string {
		cmd := exec.CommandContext(t.Context(), ffmpeg, "-v", "error", "-f", "h264", "-i", "-", "-vf", "scale=96:64", "-f",
			"framemd5", "-")
		cmd.Stdin = bytes.NewReader(stream)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("ffmpeg: %v: %s", err, out)
		}
		return string(out)
	}
	for file, want := range h264Fixtures() {
		t.Run(file, func(t *testing.T) {
			stream := readFile(t, testdata+file)
			before := decode(t, stream)
			wire, _ := toWire(t, bytes.NewReader(variants(stream)["parameter sets once"]))
			if after := decode(t, wire); after != before {
				t.Errorf("before:\n%safter:\n%s", before, after)
			}
			if pictures := strings.Count(before, "\n0,"); pictures != want.pictures {
				t.Errorf("ffmpeg finds %d pictures, we %d", pictures, want.pictures)
			}
		})
	}
}

// footage returns a long clip that lies beside the repository, in some directory above.
func footage(t *testing.T, name string) []byte {
	t.Helper()
	for dir := ".."; len(dir) < 40; dir = filepath.Join(dir, "..") {
		if data, err := os.ReadFile(filepath.Join(dir, "shared", "footage", name)); err == nil {
			return data
		}
	}
	t.Skip("shared footage not present")
	return nil
}

func TestFootageH264(t *testing.T) {
	stream := footage(t, "cctv-720p25.h264")
	wire, got := toWire(t, bytes.NewReader(stream))
	if got.pictures != 240 || got.keys == 0 || !slices.Equal(slicesOf(wire), slicesOf(stream)) {
		t.Errorf("%+v, want 240 pictures with the same slices", got)
	}
	for name, variant := range variants(stream) {
		if _, again := toWire(t, bytes.NewReader(variant)); again != got {
			t.Errorf("%s: %+v, want %+v", name, again, got)
		}
	}
}

func TestFootageMJPEG(t *testing.T) {
	stream := footage(t, "cctv-720p.mjpeg")
	for how, r := range readers(string(stream)) {
		s := NewJPEG(r)
		pictures, faults := splitAll(t, s.Next, s.Skipped, len(stream))
		if len(pictures) != 60 || len(faults) > 0 || s.Skipped() != 0 {
			t.Errorf("%s: %d pictures, want 60; %d bytes skipped; faults %v", how, len(pictures), s.Skipped(), faults)
		}
		for i, picture := range pictures {
			if width, height, err := jpeg.Check([]byte(picture)); err != nil || width != 1280 || height != 720 {
				t.Errorf("picture %d: %dx%d, %v", i, width, height, err)
			}
		}
	}
}

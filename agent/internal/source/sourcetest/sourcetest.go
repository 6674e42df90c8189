// Package sourcetest helps to test the packages of sources. It is imported by tests only.
package sourcetest

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"os"
	"testing"

	"github.com/bramble-cam/bramble/agent/internal/source"
	"github.com/bramble-cam/bramble/agent/internal/source/splitter"
	"github.com/bramble-cam/bramble/internal/codec/h264"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// H264Dir is where the streams made by x264 are, as seen from the package of a source.
const H264Dir = "../../../../internal/codec/h264/testdata/"

// ReadFile returns the content of a file.
func ReadFile(tb testing.TB, name string) []byte {
	tb.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

// JPEG returns a gray picture. Its size makes it differ from others.
func JPEG(tb testing.TB, width, height int) []byte {
	tb.Helper()
	img := image.NewGray(image.Rect(0, 0, width, height))
	for i := range img.Pix {
		img.Pix[i] = byte(i * i >> 3) //nolint:gosec // any pattern will do
	}
	img.SetGray(0, 0, color.Gray{Y: byte(width)}) //nolint:gosec // any value will do
	var out bytes.Buffer
	if err := jpeg.Encode(&out, img, &jpeg.Options{Quality: 90}); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

// Collect runs src until it has delivered n frames. It returns copies of them with the error of Run.
func Collect(t *testing.T, src source.Source, n int) (got []source.Frame, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testutil.Timeout)
	defer cancel()
	err = src.Run(ctx, func(f source.Frame) {
		if len(got) < n {
			f.Data = bytes.Clone(f.Data)
			got = append(got, f)
		}
		if len(got) == n {
			cancel()
		}
	})
	if err == nil && len(got) < n {
		t.Errorf("%d frames, want %d", len(got), n)
	}
	return got, err
}

// Normalize returns the pictures of an H.264 byte stream as they are published, one after the other, and how many there
// are.
func Normalize(tb testing.TB, stream []byte) (wire []byte, pictures int) {
	tb.Helper()
	s := splitter.NewAnnexB(bytes.NewReader(stream))
	var n h264.Normalizer
	for {
		au, err := s.Next()
		if errors.Is(err, io.EOF) {
			return wire, pictures
		}
		if err != nil {
			tb.Fatal(err)
		}
		out, _, err := n.Normalize(nil, au)
		if errors.Is(err, h264.ErrNoPicture) {
			continue
		}
		if err != nil {
			tb.Fatalf("access unit %d: %v", pictures, err)
		}
		pictures++
		wire = append(wire, out...)
	}
}

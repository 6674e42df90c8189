package mpjpeg_test

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"os/exec"
	"strings"
	"testing"
)

// TestFFmpeg has ffmpeg take a response apart by its boundaries and by their strict reading.
func TestFFmpeg(t *testing.T) {
	ffmpeg, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Skip("ffmpeg is missing: apt-get install ffmpeg")
	}
	var want bytes.Buffer
	var pictures [][]byte
	for i := range 5 {
		p := picture(t, uint8(50*i))
		pictures = append(pictures, p)
		want.Write(p)
	}
	for _, strict := range []string{"0", "1"} {
		cmd := exec.Command(ffmpeg, "-v", "error", "-f", "mpjpeg", "-strict_mime_boundary", strict, "-i", "pipe:0", "-c",
			"copy", "-f", "image2pipe", "pipe:1")
		cmd.Stdin = response(pictures)
		var errs strings.Builder
		cmd.Stderr = &errs
		got, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v: %s", err, &errs)
		}
		if !bytes.Equal(got, want.Bytes()) {
			t.Errorf("strict_mime_boundary=%s: %d bytes of pictures, want %d; %s", strict, len(got), want.Len(), &errs)
		}
	}
}

func picture(t *testing.T, gray uint8) []byte {
	t.Helper()
	m := image.NewGray(image.Rect(0, 0, 64, 48))
	for i := range m.Pix {
		m.Pix[i] = gray + uint8(i%7)
	}
	m.SetGray(0, 0, color.Gray{Y: 255})
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

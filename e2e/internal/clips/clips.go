// Package clips makes the 1280x720 clips that end-to-end tests and benchmarks play, of the size that cameras deliver.
package clips

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/jpeg"
	"math/rand/v2"
	"os"
	"os/exec"
)

// JPEG writes a second of MJPEG to path: 30 pictures of 60 to 100 kB.
func JPEG(path string) error {
	const width, height = 1280, 720
	var clip bytes.Buffer
	img := image.NewYCbCr(image.Rect(0, 0, width, height), image.YCbCrSubsampleRatio420)
	noise := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // no secret
	for n := range 30 {
		before := clip.Len()
		for i := range img.Y {
			img.Y[i] = uint8(i%width/8 + noise.IntN(20)) //nolint:gosec // small by construction
		}
		for i := range img.Cb {
			img.Cb[i], img.Cr[i] = uint8(n*8), 128
		}
		if err := jpeg.Encode(&clip, img, &jpeg.Options{Quality: 60}); err != nil {
			return err
		}
		if size := clip.Len() - before; size < 60_000 || size > 100_000 {
			return fmt.Errorf("a picture has %d bytes", size)
		}
	}
	return os.WriteFile(path, clip.Bytes(), 0o600)
}

// H264 lets ffmpeg write ten seconds at 30 frames a second and 4 Mbit/s to path, with a key frame each second.
func H264(ctx context.Context, path string) error {
	out, err := exec.CommandContext(ctx, "ffmpeg", "-v", "error", //nolint:gosec // the program under test
		"-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=30,noise=alls=20:allf=t", "-frames:v", "300",
		"-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "30", "-b:v", "4M", "-maxrate", "4M",
		"-bufsize", "1M", path).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ffmpeg: %w\n%s", err, out)
	}
	return nil
}

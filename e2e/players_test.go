package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/hub"
	"github.com/bramble-cam/bramble/internal/codec/h264"
	"github.com/bramble-cam/bramble/internal/codec/jpeg"
	"github.com/bramble-cam/bramble/internal/testutil"
)

const playTime = 60 * time.Second

// clipPair is one scene in both formats, 1280x720 at 25 frames a second.
type clipPair struct{ name, h264, mjpeg string }

// withClips tests with real footage, or where that is not at hand with clips that ffmpeg makes here and now.
func withClips(t *testing.T, test func(*testing.T, clipPair)) {
	need(t, "ffmpeg", "ffprobe")
	played := false
	t.Run("footage", func(t *testing.T) {
		test(t, clipPair{"footage", testutil.Fixture(t, "cctv-720p25.h264"), testutil.Fixture(t, "cctv-720p.mjpeg")})
		played = true
	})
	if played {
		return
	}
	t.Run("made", func(t *testing.T) {
		dir := t.TempDir()
		clip := clipPair{"made", filepath.Join(dir, "made.h264"), filepath.Join(dir, "made.mjpeg")}
		output(t, playTime, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=25", "-frames:v",
			"100",
			"-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-g", "25", "-x264-params", "slices=3:aud=1", clip.h264,
			"-frames:v", "50", "-c:v", "mjpeg", "-q:v", "8", clip.mjpeg)
		test(t, clip)
	})
}

// TestPlayers plays real footage from a separate agent through the hub with ffprobe, ffmpeg and a plain HTTP client.
func TestPlayers(t *testing.T) {
	testutil.System(t, "needs VLC and GStreamer")
	withClips(t, func(t *testing.T, clip clipPair) {
		root, natsURL := startHub(t, hub.Config{})
		startAgent(t, natsURL, "motion=file:"+clip.h264+"#fps=25", "still=file:"+clip.mjpeg+"#fps=25")
		waitCamera(t, root, "motion")
		waitCamera(t, root, "still")
		for _, url := range []string{"/cam/motion.mp4", "/cam/motion.h264", "/cam/still.mjpeg"} {
			t.Run("ffprobe"+filepath.Ext(url), func(t *testing.T) {
				t.Parallel() // they mostly wait for the next frame
				probe(t, root+url)
			})
		}
		t.Run("JPEG bytes", func(t *testing.T) {
			t.Parallel()
			sameJPEGs(t, root+"/cam/still", clip.mjpeg)
		})
		t.Run("H.264 slices", func(t *testing.T) {
			t.Parallel()
			stream := make([]byte, 1<<20)
			n, err := io.ReadFull(open(t, root+"/cam/motion.h264"), stream)
			if err != nil {
				t.Fatal(err)
			}
			sameSlices(t, stream[:n], clip.h264)
		})
		t.Run("MP4 slices", func(t *testing.T) {
			t.Parallel()
			stream := output(t, playTime, "ffmpeg", "-v", "error", "-i", root+"/cam/motion.mp4", "-t", "6", "-c", "copy",
				"-f", "h264", "-")
			sameSlices(t, stream, clip.h264)
		})
		t.Run("pictures", func(t *testing.T) {
			t.Parallel()
			samePictures(t, root+"/cam/motion", clip.h264)
		})
	})
}

func probe(t *testing.T, url string) {
	out := output(t, playTime, "ffprobe", "-v", "error", "-show_entries", "stream=codec_name,width,height,r_frame_rate",
		"-of", "json", url)
	var info struct {
		Streams []struct {
			Width, Height int
			Rate          string `json:"r_frame_rate"`
		}
	}
	if err := json.Unmarshal(out, &info); err != nil || len(info.Streams) != 1 {
		t.Fatalf("ffprobe says %s (%v)", out, err)
	}
	if s := info.Streams[0]; s.Width != 1280 || s.Height != 720 || s.Rate != "25/1" {
		t.Errorf("ffprobe says %+v, want 1280x720 at 25/1", s)
	}
}

// sameJPEGs checks that every picture of the stream is one of the clip's, byte for byte, and that they come in the
// clip's order.
func sameJPEGs(t *testing.T, url, clip string) {
	data, err := os.ReadFile(clip)
	if err != nil {
		t.Fatal(err)
	}
	number := make(map[string]int)
	for len(data) > 0 {
		var s jpeg.Scanner
		n, err := s.Scan(data)
		if err != nil || n == 0 {
			t.Fatalf("the clip's picture %d: %d, %v", len(number), n, err)
		}
		number[string(data[:n])] = len(number)
		data = data[n:]
	}
	parts := multipart.NewReader(open(t, url+".mjpeg"), "bramble-part")
	last, missed := -1, 0
	for range 2 * len(number) {
		part, err := parts.NextPart()
		if err != nil {
			t.Fatal(err)
		}
		picture, err := io.ReadAll(part)
		if err != nil {
			t.Fatal(err)
		}
		n, ok := number[string(picture)]
		if !ok {
			t.Fatalf("a picture of %d bytes is not in the clip", len(picture))
		}
		if last >= 0 {
			missed += (n - last - 1 + len(number)) % len(number)
		}
		last = n
	}
	t.Logf("%d pictures, %d missed by this viewer", 2*len(number), missed)
	resp, err := client(t).Get(url + ".jpeg")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }() // read to its end
	picture, err := io.ReadAll(resp.Body)
	if _, ok := number[string(picture)]; err != nil || !ok || resp.StatusCode != http.StatusOK {
		t.Errorf("the still is not in the clip: %s, %d bytes, %v", resp.Status, len(picture), err)
	}
}

// slicesOf returns the slices of a byte stream, and for each whether it begins an IDR picture's NALU type.
func slicesOf(stream []byte) (list [][]byte) {
	for nalu := range h264.NALUs(stream) {
		if t := nalu[0] & 0x1f; t == 1 || t == 5 {
			list = append(list, nalu)
		}
	}
	return list
}

// sameSlices checks that the slices of stream are the clip's, in order and without a gap, as the clip is played again
// and again. The last slice may be cut off.
func sameSlices(t *testing.T, stream []byte, clip string) {
	data, err := os.ReadFile(clip)
	if err != nil {
		t.Fatal(err)
	}
	want, got := slicesOf(data), slicesOf(stream)
	if len(got) < 50 {
		t.Fatalf("only %d slices in %d bytes", len(got), len(stream))
	}
	got = got[:len(got)-1]
	if got[0][0]&0x1f != 5 {
		t.Fatalf("the stream begins with a slice of type %d, not an IDR's", got[0][0]&0x1f)
	}
	begin := slices.IndexFunc(want, func(s []byte) bool { return bytes.Equal(s, got[0]) })
	if begin < 0 {
		t.Fatal("the first slice is not in the clip")
	}
	for i, s := range got {
		if !bytes.Equal(s, want[(begin+i)%len(want)]) {
			t.Fatalf("slice %d is not the clip's slice %d", i, (begin+i)%len(want))
		}
	}
	t.Logf("%d slices are the clip's, from slice %d on", len(got), begin)
}

// samePictures checks that what ffmpeg decodes of both H.264 formats are pictures of the clip.
func samePictures(t *testing.T, url, clip string) {
	want := make(map[string]bool)
	for _, sum := range pictureSums(t, "-i", clip) {
		want[sum] = true
	}
	for _, ext := range []string{".h264", ".mp4"} {
		sums := pictureSums(t, "-i", url+ext, "-frames:v", "80")
		if len(sums) != 80 {
			t.Errorf("%s: %d pictures decoded, want 80", ext, len(sums))
		}
		for i, sum := range sums {
			if !want[sum] {
				t.Errorf("%s: picture %d is not one of the clip's", ext, i)
				break
			}
		}
	}
}

func pictureSums(t *testing.T, args ...string) (sums []string) {
	args = append([]string{"-v", "error", "-xerror"}, args...)
	out := output(t, playTime, "ffmpeg", append(args, "-fps_mode", "passthrough", "-f", "framemd5", "-")...)
	for line := range bytes.Lines(out) {
		if bytes.HasPrefix(line, []byte("#")) {
			continue
		}
		fields := bytes.Split(bytes.TrimSpace(line), []byte(","))
		sums = append(sums, string(bytes.TrimSpace(fields[len(fields)-1])))
	}
	return sums
}

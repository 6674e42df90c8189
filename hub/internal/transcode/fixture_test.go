package transcode

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/bramble-cam/bramble/hub/internal/cameras"
	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/codec/h264"
	"github.com/bramble-cam/bramble/internal/media"
	"github.com/bramble-cam/bramble/internal/testpattern/timecode"
	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/status"
)

// clipsEnv names the folder in which the first test that needs clips leaves them for the others.
const clipsEnv = "BRAMBLE_TRANSCODE_CLIPS"

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "bramble-transcode-")
	if err == nil {
		err = os.Setenv(clipsEnv, dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "transcode:", err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(dir) // a folder in the system's temporary one
		os.Exit(code)
	}))
}

const (
	testWidth, testHeight = 480, 270
	testGOP               = 20
	interval              = 40 * time.Millisecond // between frames, as their PTS have it
)

// base is the first frame's capture time.
func base() time.Time { return time.UnixMilli(1_700_000_000_000) }

func clockOf(n int) time.Time { return base().Add(time.Duration(n) * interval) }

// card draws picture n: something that moves under a clock.
func card(n, width, height int) image.Image {
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	const side = 30 // of a square, in pixels
	for y := 0; y < height; y += side {
		for x := 0; x < width; x += side {
			c := color.RGBA{uint8(x * 255 / width), uint8(y * 255 / height), uint8(128 + 64*((x/side+y/side+n/5)%2)), 255}
			draw.Draw(img, image.Rect(x, y, x+side, y+side), image.NewUniform(c), image.Point{}, draw.Src)
		}
	}
	timecode.Draw(img, clockOf(n))
	return img
}

// clips holds what is dear to make: count pictures in both formats.
type clips struct {
	jpegs  [][]byte
	units  [][]byte
	params *h264.ParamSets
}

const clipLength = 60

func ffmpegPath(t testing.TB) string {
	t.Helper()
	path, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Skip("ffmpeg is not installed: make test installs it where it can")
	}
	return path
}

func makeClips(t testing.TB) *clips {
	t.Helper()
	ffmpegPath(t)
	dir := os.Getenv(clipsEnv)
	film := filepath.Join(dir, "film.h264")
	if _, err := os.Stat(film); err != nil {
		drawCards(t, dir)
		ffmpeg(t, "-framerate", "25", "-i", filepath.Join(dir, "%02d.jpeg"), "-c:v", "libx264", "-preset", "ultrafast",
			"-tune", "zerolatency", "-pix_fmt", "yuv420p", "-crf", "18",
			"-x264-params", fmt.Sprintf("keyint=%d:scenecut=0:sliced-threads=0:aud=1", testGOP), "-f", "h264", film)
	}
	c := &clips{}
	for n := range clipLength {
		c.jpegs = append(c.jpegs, load(t, picturePath(dir, n)))
	}
	var norm h264.Normalizer
	aud := []byte{0, 0, 0, 1, 9}
	for _, raw := range bytes.Split(load(t, film), aud)[1:] {
		au, info, err := norm.Normalize(nil, append(bytes.Clone(aud), raw...))
		if err != nil {
			t.Fatal(err)
		}
		c.units, c.params = append(c.units, au), info.Params
	}
	if len(c.units) != clipLength {
		t.Fatalf("%d access units", len(c.units))
	}
	return c
}

func picturePath(dir string, n int) string { return filepath.Join(dir, fmt.Sprintf("%02d.jpeg", n)) }

func drawCards(t testing.TB, dir string) {
	t.Helper()
	for n := range clipLength {
		var b bytes.Buffer
		if err := jpeg.Encode(&b, card(n, testWidth, testHeight), &jpeg.Options{Quality: 92}); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(picturePath(dir, n), b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func load(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func ffmpeg(t testing.TB, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(ffmpegPath(t), append([]string{"-v", "error", "-nostdin"}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ffmpeg %v: %v\n%s", args, err, stderr.String())
	}
	return out
}

// agents stands for NATS.
type agents struct {
	mu   sync.Mutex
	into map[string]*stream.Stream
}

func (a *agents) SubscribeFrames(camera string, into *stream.Stream) (func(), error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.into[camera] = into
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.into[camera] = nil
	}, nil
}

func (a *agents) stream(camera string) *stream.Stream {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.into[camera]
}

func (a *agents) Wake(string)            {}
func (a *agents) RequestKeyFrame(string) {}
func (a *agents) OverloadReason() string { return "" }
func (a *agents) Connected() bool        { return true }
func (a *agents) RequestStatus(context.Context, string) (status.Status, error) {
	return status.Status{}, context.DeadlineExceeded
}

// fixture is a Transcoder with cameras of a registry.
type fixture struct {
	t      testing.TB
	clips  *clips
	agents *agents
	reg    *cameras.Registry
	tr     *Transcoder
	stop   func()
}

func newFixture(t testing.TB, c *clips, cfg Config) *fixture {
	t.Helper()
	r := &fixture{t: t, clips: c, agents: &agents{into: make(map[string]*stream.Stream)}}
	r.reg = cameras.New(cameras.Config{Agents: r.agents, Linger: time.Millisecond, Log: testutil.Log(t)})
	cfg.Log = testutil.Log(t)
	r.tr = New(cfg)
	r.stop = testutil.Run(t, r.tr.Run)
	return r
}

// camera is one that delivers frames all the time, while there is a subscription.
type camera struct {
	*cameras.Camera

	r      *fixture
	format media.Codec
	epoch  int64
	n      int
}

// newCamera makes a camera known; nothing is delivered.
func (r *fixture) newCamera(id string, f media.Codec) *camera {
	r.t.Helper()
	r.reg.OnStatus(status.Status{Camera: id, Instance: "i", Started: base(), State: status.Live, Format: frame.Format(f),
		Width: testWidth, Height: testHeight, FPS: 25})
	cam, err := r.reg.Camera(id)
	if err != nil {
		r.t.Fatal(err)
	}
	return &camera{cam, r, f, 1, 0}
}

// deliver hands out the next frame.
func (c *camera) deliver() {
	into := c.r.agents.stream(c.ID())
	n := c.n
	c.n++
	if into == nil {
		return
	}
	f := media.Packet{Seq: uint64(n), PTS: time.Duration(n) * interval, CaptureTime: clockOf(n % clipLength),
		Epoch: c.epoch, Payload: c.r.clips.jpegs[n%clipLength],
		Width: testWidth, Height: testHeight}
	if c.format == media.H264 {
		f.Payload, f.Params, f.Key = c.r.clips.units[n%clipLength], c.r.clips.params, n%clipLength%testGOP == 0
	}
	into.Append(f)
}

// play delivers frames until the test ends.
func (c *camera) play(every time.Duration) (stop func()) {
	c.r.t.Helper()
	return testutil.Run(c.r.t, func(ctx context.Context) error {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
				c.deliver()
			}
		}
	})
}

// view opens a rendition.
func (c *camera) view(want media.Want) *cameras.Subscription {
	c.r.t.Helper()
	v, err := c.r.tr.Subscribe(c.r.t.Context(), c.Camera, want, Principal{}, cameras.Viewer)
	if err != nil {
		c.r.t.Fatal(err)
	}
	return v
}

// next takes the next frame.
func next(t testing.TB, v *cameras.Subscription) stream.Delivery {
	t.Helper()
	d, err := v.Next(t.Context(), testutil.Timeout)
	if err != nil {
		t.Fatalf("%v (%s)", err, v.Reason())
	}
	return d
}

// checkClock reads the clock in a JPEG.
func checkClock(t testing.TB, f *stream.Packet, width int) image.Image {
	t.Helper()
	img, err := jpeg.Decode(bytes.NewReader(f.Payload))
	if err != nil {
		t.Fatal(err)
	}
	if b := img.Bounds(); b.Dx() != width || f.Width != width || f.Height != b.Dy() {
		t.Errorf("a picture of %v, told as %dx%d, want %d wide", b, f.Width, f.Height, width)
	}
	checkClockOf(t, img, f.CaptureTime)
	return img
}

func checkClockOf(t testing.TB, img image.Image, want time.Time) {
	t.Helper()
	if at, err := timecode.Read(img); err != nil || !at.Equal(want) {
		t.Errorf("the clock in the picture shows %v (%v), want %v", at, err, want)
	}
}

// decode lets ffmpeg decode a raw stream of this size.
func decode(t testing.TB, stream []byte, width, height int) (pictures []image.Image) {
	t.Helper()
	in := filepath.Join(t.TempDir(), "in"+strconv.Itoa(len(stream)))
	if err := os.WriteFile(in, stream, 0o600); err != nil {
		t.Fatal(err)
	}
	raw := ffmpeg(t, "-f", "h264", "-i", in, "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgba", "-")
	size := 4 * width * height
	for ; len(raw) >= size; raw = raw[size:] {
		pictures = append(pictures, &image.RGBA{Pix: raw[:size], Stride: 4 * width, Rect: image.Rect(0, 0, width, height)})
	}
	return pictures
}

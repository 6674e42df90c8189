//go:build linux && cgo

package device

import (
	"bytes"
	"context"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bramble-cam/bramble/internal/testutil"
)

// capture is what the devices of the virtual machine deliver.
type capture struct {
	name          string
	pixel, given  PixelFormat
	width, height int
	fps           float64
	monotonic     bool   // the driver's times are by CLOCK_MONOTONIC
	start         []byte // of each buffer
	size          int    // of each buffer; 0 if it varies
}

func captures4() []capture {
	jpeg, annexB := []byte{0xff, 0xd8}, []byte{0, 0}
	return []capture{
		{name: "vivid", pixel: YUYV, given: YUYV, width: 640, height: 360, fps: 30, monotonic: true, size: 640 * 360 * 2},
		{name: "vivid", pixel: NV12, given: NV12, width: 320, height: 180, fps: 50, monotonic: true, size: 320 * 180 * 3 / 2},
		{name: "mjpeg", pixel: JPEG, given: MJPEG, width: 1280, height: 720, fps: 30, start: jpeg},
		{name: "h264", pixel: H264, given: H264, width: 1280, height: 720, fps: 30, start: annexB},
		{name: "uvc", pixel: MJPEG, given: MJPEG, width: 640, height: 480, fps: 15, monotonic: true, start: jpeg},
		{name: "uvc", pixel: JPEG, given: MJPEG, width: 1280, height: 720, fps: 30, monotonic: true, start: jpeg},
		{name: "uvc", pixel: YUYV, given: YUYV, width: 320, height: 240, fps: 30, monotonic: true, size: 320 * 240 * 2},
		{name: "uvc", pixel: H264, given: H264, width: 1280, height: 720, fps: 30, monotonic: true, start: annexB},
	}
}

func TestCapture(t *testing.T) {
	for _, tt := range captures4() {
		t.Run(tt.name+" "+tt.pixel.String(), func(t *testing.T) {
			path := camera(t, tt.name)
			before := testutil.TakeResourceSnapshot(t)
			d := openDevice(t, Config{Path: path, Pixel: tt.pixel, Width: tt.width, Height: tt.height, FPS: tt.fps})
			g := d.Negotiated()
			if g.Pixel != tt.given || g.Width != tt.width || g.Height != tt.height || g.FPS != tt.fps || g.SizeImage < tt.size {
				t.Errorf("given %+v", g)
			}
			opened := monotonic(t)
			list := record(t, d, 20)
			// uvccam.c begins the first H.264 frame of uvc with the rest of the picture before the switch of formats.
			checkBuffers(t, tt, list[1:], opened)
			if err := d.Close(); err != nil {
				t.Error(err)
			}
			before.CheckNoLeaks(t)
		})
	}
}

// checkBuffers allows that a buffer is missing here and there, or overtaken by the next one: drivers do that on a
// loaded machine.
func checkBuffers(t *testing.T, tt capture, list []Buffer, opened time.Duration) {
	t.Helper()
	const ahead = 100 * time.Millisecond // vivid dates a frame by its schedule, which it sometimes runs ahead of
	seen := map[uint32]bool{}
	for i, b := range list {
		if seen[b.Sequence] {
			t.Errorf("number %d comes twice", b.Sequence)
		}
		seen[b.Sequence] = true
		if n := int32(b.Sequence - list[0].Sequence); n < int32(i)-2 || n > int32(i)+30 {
			t.Errorf("buffer %d has the number %d after the first one's %d", i, b.Sequence, list[0].Sequence)
		}
		if tt.monotonic && (b.Time < opened || b.Time > monotonic(t)+ahead) || !tt.monotonic && b.Time != 0 {
			t.Errorf("captured at %v, opened at %v, now %v", b.Time, opened, monotonic(t))
		}
		if b.Broken || b.Skipped != 0 || !bytes.HasPrefix(b.Data, tt.start) || len(b.Data) == 0 || tt.size > 0 &&
			len(b.Data) != tt.size {
			t.Errorf("buffer %d: %d bytes, skipped %d, broken %v", i, len(b.Data), b.Skipped, b.Broken)
		}
	}
	if tt.monotonic {
		took := list[len(list)-1].Time - list[0].Time
		numbers := int32(list[len(list)-1].Sequence - list[0].Sequence)
		t.Logf("%d frames by number in %v: %.1f fps", numbers, took, float64(numbers)/took.Seconds())
	}
}

func monotonic(tb testing.TB) time.Duration {
	tb.Helper()
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(ts.Nano())
}

// TestSlowReader has the first call wait until the driver has filled every buffer there is.
func TestSlowReader(t *testing.T) {
	for _, name := range []string{"vivid", "uvc"} {
		for _, newest := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				cfg := Config{Path: camera(t, name), Pixel: YUYV, Width: 320, Height: 180, FPS: 30, Newest: newest, Buffers: 4}
				list := recordSlowly(t, openDevice(t, cfg), 6)
				first, second := list[0], list[1]
				if newest {
					if second.Skipped != 3 || second.Sequence < first.Sequence+4 {
						t.Errorf("number %d after %d, skipped %d; want the newest of 4", second.Sequence, first.Sequence, second.Skipped)
					}
					return
				}
				for i, b := range list[:5] { // the first one and the 4 that waited
					if b.Skipped != 0 || b.Sequence != first.Sequence+uint32(i) {
						t.Errorf("buffer %d has the number %d after the first one's %d, skipped %d", i, b.Sequence, first.Sequence,
							b.Skipped)
					}
				}
			})
		}
	}
}

func recordSlowly(t *testing.T, d *Device, n int) (list []Buffer) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testutil.Timeout)
	defer cancel()
	err := d.Run(ctx, func(b Buffer) {
		if list = append(list, b); len(list) == 1 {
			testutil.Eventually(t, "all buffers are filled", func() bool { return filledBuffers(t, d) == 4 })
		}
		if len(list) >= n {
			cancel()
		}
	})
	if err != nil || len(list) < n {
		t.Fatalf("%v after %d buffers", err, len(list))
	}
	return list
}

// filledBuffers asks the driver how many buffers wait to be dequeued.
func filledBuffers(t *testing.T, d *Device) (n int) {
	t.Helper()
	for i := range d.buffers() {
		b := &cBuffer{index: cUint(i), _type: typeCapture, memory: memoryMapped}
		if err := ioctl(d.fd, vidiocQueryBuf, b); err != nil {
			t.Fatal(err)
		}
		if b.flags&flagDone != 0 {
			n++
		}
	}
	return n
}

func TestFramesAllocateNothing(t *testing.T) {
	for _, newest := range []bool{false, true} {
		d := openDevice(t, Config{Path: camera(t, "vivid"), Pixel: YUYV, Width: 320, Height: 180, FPS: 60, Newest: newest})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var start, end runtime.MemStats
		n := 0
		err := d.Run(ctx, func(Buffer) {
			switch n++; n {
			case 5:
				runtime.ReadMemStats(&start)
			case 85:
				runtime.ReadMemStats(&end)
				cancel()
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		// ReadMemStats itself costs about 8.
		if mallocs := end.Mallocs - start.Mallocs; mallocs > 40 {
			t.Errorf("%d allocations for 80 frames, newest %v", mallocs, newest)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDriverDecidesSizeAndRate(t *testing.T) {
	d := openDevice(t, Config{Path: camera(t, "uvc"), Pixel: MJPEG, Width: 1000, Height: 700, FPS: 23})
	if g := d.Negotiated(); g.Width != 1280 || g.Height != 720 || g.FPS != 30 && g.FPS != 15 {
		t.Errorf("given %+v", g)
	}
	if b := record(t, d, 1)[0]; len(b.Data) == 0 {
		t.Error("an empty frame")
	}
}

func TestRunAgain(t *testing.T) {
	for _, name := range []string{"vivid", "uvc"} {
		d := openDevice(t, Config{Path: camera(t, name), Pixel: YUYV, Width: 320, Height: 180, FPS: 30})
		before := testutil.TakeResourceSnapshot(t)
		for range 3 {
			record(t, d, 2)
			before.CheckNoLeaks(t)
		}
	}
}

func TestEndedContext(t *testing.T) {
	d := openDevice(t, Config{Path: camera(t, "uvc"), Pixel: MJPEG, Width: 640, Height: 480})
	before := testutil.TakeResourceSnapshot(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.Run(ctx, func(Buffer) { t.Error("a frame") }); err != nil {
		t.Error(err)
	}
	before.CheckNoLeaks(t)
}

// TestContextEndsWithoutFrames is about a camera that stopped delivering: the end of the context must wake Run.
func TestContextEndsWithoutFrames(t *testing.T) {
	d := openDevice(t, Config{Path: camera(t, "mjpeg"), Pixel: MJPEG, Width: 1280, Height: 720, FPS: 30})
	before := testutil.TakeResourceSnapshot(t)
	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan struct{}, 1)
	done := make(chan error)
	go func() {
		done <- d.Run(ctx, func(Buffer) {
			select {
			case first <- struct{}{}:
			default:
			}
		})
	}()
	testutil.Receive(t, "a frame", first)
	guest(t, "freeze", "mjpeg")
	defer guest(t, "thaw", "mjpeg")
	canceled := time.Now()
	cancel()
	if err := testutil.Receive(t, "the end of Run", done); err != nil {
		t.Error(err)
	}
	t.Logf("Run ended %v after its context", time.Since(canceled))
	before.CheckNoLeaks(t)
}

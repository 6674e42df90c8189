package web

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/codec/h264"
	"github.com/bramble-cam/bramble/internal/media"
	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/frame"
)

// TestStress lets viewers join, leave and stall over real connections while the camera restarts, loses frames and
// changes its parameter sets. Each viewer must get complete frames in order that can be decoded. In the end no
// viewer and no goroutine is left.
func TestStress(t *testing.T) {
	for path, format := range map[string]frame.Format{"/cam/c.mjpeg": frame.JPEG, "/cam/c.h264": frame.H264,
		"/cam/c.mp4": frame.H264} {
		t.Run(path, func(t *testing.T) {
			r := newFixture(t, stream.Config{MaxBytes: 2 << 20, LiveBudget: 20 * time.Millisecond},
				func(s *Server) { s.times.Idle = 50 * time.Millisecond })
			w := &stressTest{t: t, fixture: r, cam: r.camera("c", format), path: path, sent: make(map[uint64]unit)}
			ctx, over := context.WithCancel(t.Context())
			defer over()
			w.nextFrame(true)
			var all sync.WaitGroup
			for i := range 30 {
				all.Go(func() { w.runViewer(ctx, rand.New(rand.NewPCG(uint64(i), 3))) })
			}
			w.publish()
			over()
			all.Wait()
			w.cam.viewers(0)
		})
	}
}

type stressTest struct {
	*fixture

	t    *testing.T
	cam  *camera
	path string
	list []unit
	n    uint64 // of the newest frame

	mu             sync.Mutex
	sent           map[uint64]unit
	visits, frames int
}

// nextFrame makes the next frame; restart begins a new run of the camera.
func (w *stressTest) nextFrame(restart bool) {
	if w.list == nil {
		w.list = units(w.t, "change.h264") // with other parameter sets from the middle on
	}
	w.n++
	u := w.list[w.n%uint64(len(w.list))]
	if restart {
		for !u.key {
			w.n++
			u = w.list[w.n%uint64(len(w.list))]
		}
		w.cam.epoch, w.cam.seq = w.cam.epoch+1, 0
	} else if u.key {
		w.cam.seq += w.n % 3 // lost on the way
	}
	size := 1 << (12 + w.n%5)
	if w.cam.format == frame.JPEG {
		u = unit{data: append(fmt.Appendf(nil, "\xff\xd8<%d>", w.n), make([]byte, size)...), key: true}
	} else {
		u = u.marked(w.n, size)
	}
	w.mu.Lock()
	w.sent[w.n] = u
	w.mu.Unlock()
	if w.cam.format == frame.JPEG {
		w.cam.append(media.Packet{Payload: u.data})
	} else {
		w.cam.access(u)
	}
}

// publish sends frames until the viewers have read enough. After each round it waits until a viewer gets a frame.
func (w *stressTest) publish() {
	for lap := 0; lap < 40 || !w.enough(); lap++ {
		out := w.cam.stream.FramesOut.Load()
		for i := range 20 {
			w.nextFrame(i == 0 && lap%4 == 3)
		}
		testutil.Eventually(w.t, "a viewer gets a frame", func() bool {
			w.nextFrame(false)
			return w.cam.stream.FramesOut.Load() > out
		})
	}
}

// enough reports whether the viewers have read enough frames.
func (w *stressTest) enough() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.visits >= 25 && w.frames >= 500
}

// runViewer connects again and again.
func (w *stressTest) runViewer(ctx context.Context, r *rand.Rand) {
	for ctx.Err() == nil {
		frames, err := w.visit(ctx, r)
		if err != nil {
			w.t.Error(err)
			return
		}
		w.mu.Lock()
		w.visits++
		w.frames += frames
		w.mu.Unlock()
	}
}

// visit reads a part of a response, with pauses if the viewer is slow, and leaves. It returns the number of frames.
func (w *stressTest) visit(ctx context.Context, r *rand.Rand) (frames int, err error) {
	conn, err := net.Dial("tcp", w.addr)
	if err != nil {
		return 0, err
	}
	leave := func() { _ = conn.Close() }
	defer leave()
	defer context.AfterFunc(ctx, leave)()
	_ = conn.SetDeadline(time.Now().Add(testutil.Timeout))
	_, err = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: hub\r\n\r\n", w.path)
	in := bufio.NewReader(conn)
	var resp *http.Response
	if err == nil {
		resp, err = http.ReadResponse(in, nil)
	}
	if err == nil && resp.StatusCode != http.StatusOK {
		err = errors.New(resp.Status)
	}
	var got bytes.Buffer
	stalls := r.IntN(3) == 0
	for range 1 + r.IntN(40) {
		if err != nil {
			break
		}
		_, err = io.CopyN(&got, in, int64(1+r.IntN(64<<10)))
		if stalls && r.IntN(4) == 0 {
			select {
			case <-ctx.Done():
			case <-time.After(time.Duration(r.IntN(60)) * time.Millisecond):
			}
		}
	}
	if err != nil && ctx.Err() == nil && !errors.Is(err, io.EOF) { // the end comes with other parameter sets
		return 0, err
	}
	return w.check(got.Bytes())
}

// check checks a response, whose end may be cut off.
func (w *stressTest) check(data []byte) (frames int, err error) {
	var before uint64
	for len(data) > 0 {
		body, rest, ok := w.next(data)
		if !ok {
			return frames, nil
		}
		data = rest
		var n uint64
		at := bytes.IndexByte(body, '<')
		if _, err := fmt.Sscanf(string(body[max(at, 0):min(len(body), at+24)]), "<%d>", &n); err != nil {
			return frames, fmt.Errorf("behind frame %d: %w", before, err)
		}
		w.mu.Lock()
		u, known := w.sent[n]
		w.mu.Unlock()
		want := u.data
		if w.path == "/cam/c.mp4" {
			want = h264.AppendAVCC(nil, u.data, u.params)
		}
		again := n == before && w.cam.format == frame.JPEG // the picture stands still
		if !known || !bytes.Equal(body, want) || n <= before && !again || n > before+1 && !u.key {
			return frames, fmt.Errorf("frame %d, key %v, %d bytes of %d, after frame %d", n, u.key, len(body), len(want), before)
		}
		before = n
		frames++
	}
	return frames, nil
}

// next returns the first frame and the rest. It reports false if the frame is not complete.
func (w *stressTest) next(data []byte) (body, rest []byte, ok bool) {
	switch w.path {
	case "/cam/c.mjpeg":
		var size int
		head := bytes.Index(data, []byte("\r\n\r\n"))
		at := bytes.Index(data, []byte("Content-Length: "))
		if head < 0 {
			return nil, nil, false
		}
		if _, err := fmt.Sscanf(string(data[max(at, 0):head]), "Content-Length: %d", &size); err != nil ||
			len(data) < head+4+size {
			return nil, nil, false
		}
		return data[head+4 : head+4+size], data[head+4+size:], true
	case "/cam/c.mp4":
		for len(data) >= 8 {
			size := int(binary.BigEndian.Uint32(data))
			if size < 8 || len(data) < size {
				break
			}
			if string(data[4:8]) == "mdat" {
				return data[8:size], data[size:], true
			}
			data = data[size:]
		}
		return nil, nil, false
	}
	at := bytes.Index(data, []byte("\x00\x00\x00\x01\x06<"))
	var n uint64
	if _, err := fmt.Sscanf(string(data[max(at, 0):min(len(data), at+24)]), "\x00\x00\x00\x01\x06<%d>", &n); at < 0 ||
		err != nil {
		return nil, nil, false
	}
	w.mu.Lock()
	size := len(w.sent[n].data)
	w.mu.Unlock()
	if len(data) < size {
		return nil, nil, false
	}
	return data[:size], data[size:], true
}

//go:build unix

package web

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/connwriter"
	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/codec/h264"
	"github.com/bramble-cam/bramble/internal/media"
	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/drop"
	"github.com/bramble-cam/bramble/shared/frame"
)

// sendBuffer returns the size of a connection's send buffer in bytes, as the kernel counts it.
func sendBuffer(t *testing.T, c net.Conn) (size int) {
	t.Helper()
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	ctrlErr := raw.Control(func(fd uintptr) {
		size, err = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET,
			syscall.SO_SNDBUF)
	})
	if ctrlErr != nil || err != nil {
		t.Fatal(ctrlErr, err)
	}
	return size
}

// TestMJPEGLags: an MJPEG viewer that pauses continues with the newest picture, never an older one. Each missed
// picture is counted. After several pauses its socket buffer is made smaller.
func TestMJPEGLags(t *testing.T) {
	r := newFixture(t, stream.Config{}, func(s *Server) { s.cfg.WriteTimeout, s.times.Idle = hour, hour })
	desk := r.camera("desk", frame.JPEG)
	big := bytes.Repeat([]byte("picture "), 1<<17) // 1 MiB
	show := func() { desk.append(media.Packet{Payload: big}) }
	show()
	viewer := r.mjpeg("/cam/desk.mjpeg")
	server := <-r.listener.accepted
	viewer.partOf(1)
	last, read := "", uint64(1)
	if size := sendBuffer(t, server); size <= 2*connwriter.SlowBuffer { // the kernel doubles the requested size
		t.Errorf("the buffer of a viewer that follows has %d bytes", size)
	}
	for range connwriter.SkipLimit {
		for range 64 { // far more than sockets hold
			show()
		}
		for last != unixSeconds(captured(desk.seq)) {
			p := viewer.part()
			if p.timestamp <= last {
				t.Fatalf("%s came after %s", p.timestamp, last)
			}
			last = p.timestamp
			read++
		}
	}
	lagged := desk.stream.Drops.Get(drop.Lagged)
	if lagged == 0 || lagged+read != desk.seq {
		t.Errorf("of %d pictures %d came and %d are counted as lagged", desk.seq, read, lagged)
	}
	if size := sendBuffer(t, server); size > 2*connwriter.SlowBuffer {
		t.Errorf("the buffer of a viewer that lags has %d bytes", size)
	}
}

// TestStalledViewer: the hub disconnects a viewer that stops reading. Another viewer, which reads every frame,
// misses nothing.
func TestStalledViewer(t *testing.T) {
	for path, format := range map[string]frame.Format{"/cam/c.mjpeg": frame.JPEG, "/cam/c.h264": frame.H264,
		"/cam/c.mp4": frame.H264} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			r := newFixture(t, stream.Config{}, func(s *Server) { s.cfg.WriteTimeout, s.times.Idle = time.Second, hour })
			c := r.camera("c", format)
			next := source(t, c)
			first := next()
			good, stalled := r.open(path), r.open(path)
			if path == "/cam/c.mp4" {
				skipInit(good)
			}
			c.viewers(2)
			readUntil(t, good, first)
			for end := time.Now().Add(testutil.Timeout); c.Info().Viewers == 2; {
				if time.Now().After(end) {
					t.Fatal("the stalled viewer stays")
				}
				readUntil(t, good, next())
			}
			for range 5 {
				readUntil(t, good, next())
			}
			if values, _ := r.scrape(); values["bramble_hub_viewers_stalled_total"] != "1" {
				t.Errorf("%s viewers are counted as stalled: want 1", values["bramble_hub_viewers_stalled_total"])
			}
			if lagged := c.stream.Drops.Get(drop.Lagged); format == frame.H264 && lagged > 0 {
				t.Errorf("%d frames are counted as lagged", lagged)
			}
			if _, err := io.Copy(io.Discard, stalled.r); err != nil {
				t.Logf("the stalled viewer's connection: %v", err) // a reset is as good as an end
			}
		})
	}
}

// source returns a function that appends the next frame of a camera, of 256 kB, and returns its first bytes.
func source(t *testing.T, c *camera) (next func() []byte) {
	const size = 256 << 10
	list := units(t, "slices.h264")
	return func() []byte {
		mark := fmt.Appendf(nil, "<%d>", c.seq+1)
		if c.format == frame.JPEG {
			c.append(media.Packet{Payload: append(mark[:len(mark):len(mark)], make([]byte, size)...)})
		} else {
			c.access(list[c.seq%uint64(len(list))].marked(c.seq+1, size))
		}
		return mark
	}
}

func skipInit(c *conn) { c.movie().box("ftyp"); c.movie().box("moov") }

// readUntil reads until mark has come.
func readUntil(t *testing.T, c *conn, mark []byte) {
	t.Helper()
	var tail []byte
	buf := make([]byte, 64<<10)
	for !bytes.Contains(tail, mark) {
		n, err := c.r.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		tail = append(tail[max(0, len(tail)-len(mark)):], buf[:n]...)
	}
}

// TestHalfSpeed: a viewer that reads half as fast as the camera sends never gets a frame whose reference it missed.
func TestHalfSpeed(t *testing.T) {
	r := newFixture(t, stream.Config{MaxBytes: 1 << 20, LiveBudget: time.Nanosecond},
		func(s *Server) { s.cfg.WriteTimeout, s.times.Idle = hour, hour })
	yard, list := r.camera("yard", frame.H264), units(t, "slices.h264")
	sent := make(map[uint64]unit)
	show := func() {
		u := list[yard.seq%uint64(len(list))].marked(yard.seq+1, 64<<10)
		yard.access(u)
		sent[yard.seq] = u
	}
	show()
	viewer := r.open("/cam/yard.h264")
	server := <-r.listener.accepted
	var got bytes.Buffer
	for range 250 {
		show()
		if _, err := io.CopyN(&got, viewer.r, 32<<10); err != nil {
			t.Fatal(err)
		}
	}
	for range len(list) { // a viewer that stands in the middle of a GOP needs the next key frame
		show()
	}
	last := sent[yard.seq].data
	for buf := make([]byte, 64<<10); !bytes.HasSuffix(got.Bytes(), last[len(last)-32:]); {
		n, err := viewer.r.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		got.Write(buf[:n])
	}
	checkDecodable(t, got.Bytes(), sent)
	if yard.stream.Drops.Get(drop.Lagged) == 0 {
		t.Error("the viewer has missed nothing: the test has shown nothing")
	}
	if size := sendBuffer(t, server); size > 2*connwriter.SlowBuffer {
		t.Errorf("the buffer of a viewer that lags has %d bytes", size)
	}
}

// checkDecodable checks a stream of marked access units. Each is complete, and a key frame follows each gap.
func checkDecodable(t *testing.T, data []byte, sent map[uint64]unit) {
	t.Helper()
	var at, before uint64
	var have [][]byte
	jumps := 0
	check := func() {
		u, ok := sent[at]
		if !ok {
			t.Fatalf("after %d came something else", before)
		}
		var want [][]byte
		for nalu := range h264.NALUs(u.data) {
			want = append(want, nalu)
		}
		if !bytes.Equal(bytes.Join(have, nil), bytes.Join(want, nil)) {
			t.Fatalf("access unit %d is not complete: %d of %d NALUs", at, len(have), len(want))
		}
		if before > 0 && at != before+1 {
			if jumps++; !u.key || at < before {
				t.Fatalf("after %d came %d, which is no key frame", before, at)
			}
		}
		before = at
	}
	slices := 0
	for nalu := range h264.NALUs(data) {
		kind := nalu[0] & 0x1f
		if slices == 4 && kind != 1 && kind != 5 { // the fixture has four slices a picture
			check()
			have, slices = nil, 0
		}
		if kind == 6 && nalu[1] == '<' { // not the encoder's own
			if _, err := fmt.Sscanf(string(nalu[1:min(len(nalu), 24)]), "<%d>", &at); err != nil {
				t.Fatal(err)
			}
		}
		if kind == 1 || kind == 5 {
			slices++
		}
		have = append(have, nalu)
	}
	if before == 0 || jumps == 0 {
		t.Errorf("%d jumps up to access unit %d", jumps, before)
	}
}

// TestStalledPicture: the write timeout also applies to answers that are not streams.
func TestStalledPicture(t *testing.T) {
	r := newFixture(t, stream.Config{}, func(s *Server) { s.cfg.WriteTimeout = 100 * time.Millisecond })
	desk := r.camera("desk", frame.JPEG)
	desk.append(media.Packet{Payload: make([]byte, 64<<20)}) // more than sockets hold
	c := r.send("GET /cam/desk.jpeg HTTP/1.1\r\nHost: hub\r\n\r\n")
	server := <-r.listener.accepted
	raw, err := server.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	testutil.Eventually(t, "the server gives the connection up",
		func() bool { return raw.Control(func(uintptr) {}) != nil })
	if n, err := io.Copy(io.Discard, c.r); n >= 64<<20 {
		t.Errorf("%d bytes came, %v", n, err)
	}
}

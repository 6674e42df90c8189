package mpegts_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/output/mpegts"
	"github.com/bramble-cam/bramble/hub/internal/output/outputtest"
	"github.com/bramble-cam/bramble/internal/codec/h264"
	"github.com/bramble-cam/bramble/internal/media"
	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/status"
)

const fixtures = "../../../../internal/codec/h264/testdata"

// packet is one transport packet (ISO/IEC 13818-1, 2.4.3).
type packet struct {
	pid           int
	start         bool // a payload unit begins
	counter       int
	discontinuity bool
	random        bool  // a decoder can begin here
	pcr           int64 // in ticks; -1: none
	payload       []byte
}

// parse reads a transport packet.
func parse(t testing.TB, b []byte) packet {
	t.Helper()
	if b[0] != 0x47 || b[1]&0x80 != 0 || b[3]&0xc0 != 0 {
		t.Fatalf("no packet: % x", b[:8])
	}
	p := packet{
		pid: int(b[1]&0x1f)<<8 | int(b[2]), start: b[1]&0x40 != 0, counter: int(b[3] & 0x0f), pcr: -1,
	}
	at := 4
	if b[3]&0x20 != 0 {
		if n := int(b[4]); n > 0 {
			p.discontinuity, p.random = b[5]&0x80 != 0, b[5]&0x40 != 0
			if b[5]&0x10 != 0 {
				p.pcr = int64(b[6])<<25 | int64(b[7])<<17 | int64(b[8])<<9 | int64(b[9])<<1 | int64(b[10])>>7
			}
		}
		at += 1 + int(b[4])
	}
	if b[3]&0x10 != 0 {
		p.payload = b[at:]
	}
	return p
}

// pes is one access unit.
type pes struct {
	first  packet
	tables bool // PAT and PMT came before it
	pts    int64
	data   []byte
}

// player reads a response.
type player struct {
	t        testing.TB
	body     io.Reader
	counters map[int]int
	next     *packet // read already
}

// open begins to play a camera.
func open(t testing.TB, srv *httptest.Server) *player {
	t.Helper()
	resp, err := srv.Client().Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "video/mp2t" {
		t.Fatalf("%s, %s", resp.Status, resp.Header.Get("Content-Type"))
	}
	return &player{t: t, body: resp.Body, counters: make(map[int]int)}
}

// packet returns the next packet, and checks its continuity counter.
func (p *player) packet() (packet, error) {
	if n := p.next; n != nil {
		p.next = nil
		return *n, nil
	}
	b := make([]byte, 188)
	if _, err := io.ReadFull(p.body, b); err != nil {
		return packet{}, err
	}
	k := parse(p.t, b)
	if last, ok := p.counters[k.pid]; ok && k.payload != nil && k.counter != (last+1)%16 {
		p.t.Errorf("PID %d: counter %d after %d", k.pid, k.counter, last)
	}
	p.counters[k.pid] = k.counter
	return k, nil
}

// pes returns the next access unit, whose PES header tells its length.
func (p *player) pes() pes {
	p.t.Helper()
	var u pes
	pat := false
	for {
		k, err := p.packet()
		if err != nil {
			p.t.Fatal(err)
		}
		switch {
		case k.pid == 0:
			pat = true
		case k.pid != 256:
			u.tables = pat
		case k.start:
			u.first = k
			h := k.payload
			length := int(h[4])<<8 | int(h[5])
			if !bytes.HasPrefix(h, []byte{0, 0, 1, 0xe0}) || length == 0 {
				p.t.Fatalf("PES % x", h[:9])
			}
			u.pts = int64(h[9]>>1&7)<<30 | int64(h[10])<<22 | int64(h[11]>>1)<<15 | int64(h[12])<<7 | int64(h[13]>>1)
			u.data = append(u.data, h[9+int(h[8]):]...)
			for want := length - 3 - int(h[8]); len(u.data) < want; {
				k, err := p.packet()
				if err != nil || k.pid != 256 || k.start {
					p.t.Fatalf("%+v, %v", k, err)
				}
				u.data = append(u.data, k.payload...)
			}
			return u
		}
	}
}

// expect reads the access unit of a frame: a delimiter, then the camera's NALUs.
func (p *player) expect(cam *outputtest.Camera, seq uint64, unit outputtest.Unit) pes {
	p.t.Helper()
	u := p.pes()
	var got, want [][]byte
	for nalu := range h264.NALUs(u.data) {
		got = append(got, nalu)
	}
	for nalu := range h264.NALUs(unit.Data) {
		want = append(want, nalu)
	}
	if len(got) != len(want)+1 || got[0][0]&0x1f != 9 || !bytes.Equal(bytes.Join(got[1:], nil), bytes.Join(want, nil)) {
		p.t.Errorf("frame %d: %d NALUs, want %d", seq, len(got), len(want)+1)
	}
	ticks := (int64(seq)*int64(outputtest.FrameTime)+int64(cam.Offset))*9/100000 + 9000
	if ticks &= 1<<33 - 1; u.pts != ticks || u.first.pcr != (ticks-9000)&(1<<33-1) {
		p.t.Errorf("frame %d: PTS %d, PCR %d, want PTS %d", seq, u.pts, u.first.pcr, ticks)
	}
	if u.first.random != unit.Key || unit.Key && !u.tables {
		p.t.Errorf("frame %d: key frame %v, marked %v, tables %v", seq, unit.Key, u.first.random, u.tables)
	}
	return u
}

// A viewer begins with the tables and the newest key frame. All times are those of the camera.
func TestStream(t *testing.T) {
	hub := outputtest.New(t)
	cam, list := hub.Camera("yard", "h264"), outputtest.Units(t, fixtures, "slices.h264")
	for _, u := range list[:8+3] { // a GOP, and a part of the next
		cam.Access(u)
	}
	srv := hub.Server(mpegts.New(), cam)
	players := []*player{open(t, srv), open(t, srv)}
	for _, p := range players {
		for i := range 3 {
			if u := p.expect(cam, uint64(8+i+1), list[8+i]); i == 0 && (!u.tables || u.first.discontinuity) {
				t.Errorf("the stream begins with %+v", u.first)
			}
		}
	}
	for i, u := range list[8+3:] {
		cam.Access(u)
		for _, p := range players {
			if got := p.expect(cam, uint64(8+3+i+1), u); got.first.discontinuity {
				t.Errorf("frame %d is marked as a discontinuity", cam.Seq)
			}
		}
	}
}

// Tables come at least every half second, also in a long GOP.
func TestTables(t *testing.T) {
	hub := outputtest.New(t)
	cam, list := hub.Camera("yard", "h264"), outputtest.Units(t, fixtures, "slices.h264")
	cam.Access(list[0])
	p := open(t, hub.Server(mpegts.New(), cam))
	p.expect(cam, 1, list[0])
	last := cam.Seq
	for range 100 {
		cam.Access(list[1])
		if u := p.expect(cam, cam.Seq, list[1]); u.tables {
			last = cam.Seq
		}
		if time.Duration(cam.Seq-last)*outputtest.FrameTime > 500*time.Millisecond {
			t.Fatalf("no tables from frame %d to %d", last, cam.Seq)
		}
	}
}

// A new run of the camera has a clock of its own. That is marked.
func TestDiscontinuity(t *testing.T) {
	hub := outputtest.New(t)
	cam, list := hub.Camera("yard", "h264"), outputtest.Units(t, fixtures, "slices.h264")
	cam.Offset = time.Hour
	cam.Access(list[0])
	cam.Access(list[1])
	p := open(t, hub.Server(mpegts.New(), cam))
	p.expect(cam, 1, list[0])
	p.expect(cam, 2, list[1])
	cam.SetState(status.Stopped)
	cam.SetState(status.Live)
	cam.Epoch, cam.Seq, cam.Offset = 2, 0, 0
	cam.Access(list[8])
	if u := p.expect(cam, 1, list[8]); !u.first.discontinuity {
		t.Error("the new clock is not marked")
	}
	cam.Access(list[9])
	if u := p.expect(cam, 2, list[9]); u.first.discontinuity {
		t.Error("the next frame is marked, too")
	}
}

// A time has 33 bits, and begins at 0 again after 26.5 hours.
func TestTimesWrap(t *testing.T) {
	hub := outputtest.New(t)
	cam, list := hub.Camera("yard", "h264"), outputtest.Units(t, fixtures, "slices.h264")
	cam.Offset = time.Duration(1<<33)*time.Second/90000 - 200*time.Millisecond
	cam.Access(list[0])
	p := open(t, hub.Server(mpegts.New(), cam))
	p.expect(cam, 1, list[0])
	for i, u := range list[1:8] {
		cam.Access(u)
		p.expect(cam, uint64(i+2), u)
	}
}

// The response ends before a key frame with other parameter sets, like those of the other video outputs.
func TestNewParameters(t *testing.T) {
	hub := outputtest.New(t)
	cam, list := hub.Camera("yard", "h264"), outputtest.Units(t, fixtures, "change.h264")
	for _, u := range list[:10] {
		cam.Access(u)
	}
	srv := hub.Server(mpegts.New(), cam)
	p := open(t, srv)
	for i := range 5 {
		p.expect(cam, uint64(5+i+1), list[5+i])
	}
	cam.Access(list[10])
	if _, err := p.packet(); err == nil {
		t.Error("the response goes on")
	}
	testutil.Eventually(t, "the viewer is gone", func() bool { return hub.Viewers.Len() == 0 })
	open(t, srv).expect(cam, 11, list[10])
}

// HEAD is answered at once. A camera without frames, or without H.264, is answered with an error.
func TestAnswers(t *testing.T) {
	hub := outputtest.New(t)
	hub.Timing.FirstFrame = 10 * time.Millisecond
	for method, want := range map[string]map[string]int{
		http.MethodHead: {"h264": http.StatusOK, "jpeg": http.StatusServiceUnavailable},
		http.MethodGet:  {"h264": http.StatusServiceUnavailable, "jpeg": http.StatusServiceUnavailable},
	} {
		for codec, status := range want {
			cam := hub.Camera(codec, media.Codec(codec))
			req, err := http.NewRequestWithContext(t.Context(), method, hub.Server(mpegts.New(), cam).URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if resp.StatusCode != status || status == http.StatusOK && resp.Header.Get("Content-Type") != "video/mp2t" {
				t.Errorf("%s of %s: %s, %v", method, codec, resp.Status, resp.Header)
			}
		}
	}
}

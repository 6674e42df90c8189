package web

import (
	"bytes"
	"encoding/binary"
	"io"
	"testing"

	"github.com/bramble-cam/bramble/hub/internal/fmp4"
	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/codec/h264"
	"github.com/bramble-cam/bramble/shared/frame"
)

// movie reads an MP4 response box by box.
type movie struct{ *conn }

func (c *conn) movie() movie {
	c.t.Helper()
	if got := c.resp.Header.Get("Content-Type"); got != "video/mp4" {
		c.t.Errorf("Content-Type %q", got)
	}
	return movie{c}
}

// box reads the next box, which must be of this type, and returns its content.
func (m movie) box(kind string) []byte {
	m.t.Helper()
	head := make([]byte, 8)
	if _, err := io.ReadFull(m.r, head); err != nil {
		m.t.Fatalf("box %s: %v", kind, err)
	}
	size := binary.BigEndian.Uint32(head)
	if string(head[4:]) != kind || size < 8 || size > 8<<20 {
		m.t.Fatalf("box %q of %d bytes, want %s", head[4:], size, kind)
	}
	body := make([]byte, size-8)
	if _, err := io.ReadFull(m.r, body); err != nil {
		m.t.Fatalf("box %s of %d bytes: %v", kind, size, err)
	}
	return body
}

// init reads the init segment, which must have these parameter sets.
func (m movie) init(params *h264.ParamSets) {
	m.t.Helper()
	m.box("ftyp")
	moov := m.box("moov")
	if !bytes.Contains(moov, params.SPS[0]) || !bytes.Contains(moov, params.PPS[0]) {
		m.t.Fatal("the init segment has other parameter sets")
	}
}

// fragment reads a fragment, which must hold this access unit, and returns its decode time.
func (m movie) fragment(u unit) (decode uint64) {
	m.t.Helper()
	moof, mdat := m.box("moof"), m.box("mdat")
	if want := h264.AppendAVCC(nil, u.data, u.params); !bytes.Equal(mdat, want) {
		m.t.Fatalf("a sample of %d bytes, want %d", len(mdat), len(want))
	}
	at := bytes.Index(moof, []byte("tfdt\x01"))
	if at < 0 {
		m.t.Fatal("the fragment has no decode time")
	}
	return binary.BigEndian.Uint64(moof[at+8:])
}

// TestMP4Joins: a viewer gets the newest key frame at once.
func TestMP4Joins(t *testing.T) {
	r := newFixture(t, stream.Config{})
	yard, list := r.camera("yard", frame.H264), units(t, "slices.h264")
	for _, u := range list[:8+3] {
		yard.access(u)
	}
	first, second := r.open("/cam/yard.mp4").movie(), r.open("/cam/yard.mp4").movie()
	var decode uint64
	for _, m := range []movie{first, second} {
		m.init(list[8].params)
		for i := range 3 {
			got := m.fragment(list[8+i])
			if i == 0 && got != 0 || i > 0 && got <= decode {
				t.Errorf("decode time %d after %d", got, decode)
			}
			decode = got
		}
	}
	for _, u := range list[8+3:] {
		yard.access(u)
		a, b := first.fragment(u), second.fragment(u)
		if want := uint64(fmp4.Ticks(frameTime)); a != b || a-decode != want {
			t.Errorf("decode times %d and %d after %d, want %d more", a, b, decode, want)
		}
		decode = a
	}
}

// TestMP4Duration: duration ends the response cleanly. It counts from now, not from the key frame before.
func TestMP4Duration(t *testing.T) {
	r := newFixture(t, stream.Config{})
	yard, list := r.camera("yard", frame.H264), units(t, "slices.h264")
	for _, u := range list[:5] {
		yard.access(u)
	}
	m := r.open("/cam/yard.mp4?duration=0.4").movie()
	yard.viewers(1)
	for _, u := range list[5:] {
		yard.access(u)
	}
	m.init(list[0].params)
	for _, u := range list[:5-1+10] { // four frames of history, then 0.4 s at 25 fps
		m.fragment(u)
	}
	if rest := m.ends(); len(rest) > 0 {
		t.Errorf("%d more bytes", len(rest))
	}
	yard.viewers(0)
}

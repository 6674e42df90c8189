package loadgen

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/e2e/bench/internal/syntheticframes"
)

func box(kind string, data []byte) []byte {
	return append(append(binary.BigEndian.AppendUint32(nil, uint32(8+len(data))), kind...), data...)
}

// frames returns a picture and an access unit that were sent now.
func frames(t *testing.T) (picture, au []byte, sent time.Time) {
	t.Helper()
	pictures, err := syntheticframes.Pictures(160, 120, 8<<10, 1)
	if err != nil {
		t.Fatal(err)
	}
	sent = time.Unix(1_790_000_000, 123_456_789)
	for _, f := range []*syntheticframes.Clip{pictures, syntheticframes.GOP(2000, 1)} {
		data := bytes.Replace(f.Frames[0].Data, []byte(syntheticframes.Mark+"0000000000000000000"),
			fmt.Appendf(nil, "%s%d", syntheticframes.Mark, sent.UnixNano()), 1)
		picture, au = au, data
	}
	return picture, au, sent
}

// TestParser: frames are counted when their last byte has come, with the stamp that they left with, however the
// response is cut into pieces.
func TestParser(t *testing.T) {
	picture, au, sent := frames(t)
	part := append(fmt.Appendf(nil, "Content-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n", len(picture)), picture...)
	part = append(part, "\r\n--frame\r\n"...)
	head := "HTTP/1.1 200 OK\r\nServer: x\r\n\r\n"
	shot := append(fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", len(picture)), picture...)
	message := slices.Concat([]byte{0x82, 127}, binary.BigEndian.AppendUint64(nil, uint64(40+len(picture))),
		make([]byte, 40), picture)
	for kind, response := range map[string][]byte{
		"ws": slices.Concat([]byte("HTTP/1.1 101 Switching Protocols\r\n\r\n"), []byte("\x81\x02{}"), message,
			[]byte("\x89\x011"), message), "jpeg": append(bytes.Clone(shot), shot...),
		"mjpeg": append(append([]byte(head+"--frame\r\n"), part...), part...),
		"mp4":   append(append(append([]byte(head), box("free", picture)...), box("mdat", au)...), box("mdat", au)...),
		"h264":  append(append([]byte(head), au...), au...),
	} {
		for _, size := range []int{1, 7, 1000, len(response)} {
			frames := 0
			var body bytes.Buffer
			p := &parser{kind: kind, body: &body}
			p.pong = func(data []byte) {
				if string(data) != "1" {
					t.Errorf("a ping with %q", data)
				}
			}
			p.frame = func(head []byte) {
				if s, ok := syntheticframes.ReadStamp(head); !ok || !s.Sent.Equal(sent) {
					t.Errorf("%s in pieces of %d: stamp %v, %v", kind, size, s, ok)
				}
				frames++
			}
			for b := response; len(b) > 0; b = b[min(size, len(b)):] {
				if len(b) <= size && kind != "mjpeg" && frames == 2 {
					t.Errorf("%s in pieces of %d: counted before its end", kind, size)
				}
				if err := p.feed(b[:min(size, len(b))]); err != nil {
					t.Fatal(err)
				}
			}
			if frames != 2 {
				t.Errorf("%s in pieces of %d: %d frames, want 2", kind, size, frames)
			}
			if kind != "jpeg" && kind != "ws" && body.String() != string(response[len(head):]) {
				t.Errorf("%s in pieces of %d: %d bytes saved, want %d", kind, size, body.Len(), len(response)-len(head))
			}
		}
	}
}

func TestParserRefuses(t *testing.T) {
	for _, c := range []struct{ kind, response string }{
		{"mjpeg", "HTTP/1.1 503 Service Unavailable\r\n\r\n"},
		{"jpeg", "HTTP/1.1 200 OK\r\n\r\n"},
		{"mjpeg", "HTTP/1.1 200 OK\r\n\r\nContent-Length: many\r\n\r\n"},
		{"mp4", "HTTP/1.1 200 OK\r\n\r\n\x00\x00\x00\x07moof"},
		{"mp4", "HTTP/1.1 200 OK\r\n\r\n" + string(box("moof", []byte("nothing")))},
		{"mp4", "HTTP/1.1 200 OK\r\n\r\n" + string(box("moov", []byte("nothing")))},
		{"ws", "HTTP/1.1 200 OK\r\n\r\n"},
		{"ws", "HTTP/1.1 101 Switching Protocols\r\n\r\n\x88\x00"},
		{"ws", "HTTP/1.1 101 Switching Protocols\r\n\r\n\x02\x00"},
		{"gif", "HTTP/1.1 200 OK\r\n\r\nGIF"},
		{"mjpeg", string(bytes.Repeat([]byte("x"), textSize+1))},
	} {
		p := &parser{kind: c.kind}
		if err := p.feed([]byte(c.response)); err == nil {
			t.Errorf("%s: %.40q is taken for a stream", c.kind, c.response)
		}
	}
}

// TestEarlyStamp: a server may put the stamp of a picture behind the one before.
func TestEarlyStamp(t *testing.T) {
	var at [3]time.Time
	stamp := make([][]byte, 3)
	for i := range stamp {
		at[i] = time.Unix(1_790_000_000+int64(i), 0)
		stamp[i] = fmt.Appendf(nil, "%s%d1%08d", syntheticframes.Mark, at[i].UnixNano(), 0)
	}
	slice := bytes.Repeat([]byte("slice"), 400)
	body := append([]byte("HTTP/1.1 200 OK\r\n\r\n"), box("mdat", slices.Concat(stamp[0], slice, stamp[1]))...)
	body = append(body, box("mdat", slices.Concat(slice, stamp[2]))...)
	body = append(body, box("mdat", slice)...)
	for _, size := range []int{1, 50, len(body)} {
		var got []time.Time
		p := &parser{kind: "mp4", frame: func(head []byte) {
			s, _ := syntheticframes.ReadStamp(head)
			got = append(got, s.Sent)
		}}
		for b := range slices.Chunk(body, size) {
			if err := p.feed(b); err != nil {
				t.Fatal(err)
			}
		}
		if !slices.EqualFunc(got, at[:], time.Time.Equal) {
			t.Errorf("in pieces of %d: stamps %v, want %v", size, got, at)
		}
	}
}

// TestTimes reads timescale, edit and decode time.
func TestTimes(t *testing.T) {
	// 90000
	mdhd := box("mdhd", append(make([]byte, 12), 0, 1, 0x5f, 0x90, 0, 0, 0, 0))
	// 180000
	elst := box("elst", append([]byte{1, 0, 0, 0, 0, 0, 0, 1}, append(make([]byte, 8), 0, 0, 0, 0, 0, 2, 0xbf, 0x20)...))
	tfdt := box("tfdt", []byte{1, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0x1e, 0xb0}) // 270000
	var tm times
	if err := tm.moov(append(elst, mdhd...)); err != nil {
		t.Fatal(err)
	}
	if err := tm.moof(tfdt); err != nil {
		t.Fatal(err)
	}
	if got := tm.media(); got != time.Second {
		t.Errorf("media time %v, want 1s", got)
	}
}

// TestSee counts fresh frames, their ages, and how far a player is behind.
func TestSee(t *testing.T) {
	c := New()
	stamp := func(ago time.Duration) []byte {
		return fmt.Appendf(nil, "%s%019d1%08d", syntheticframes.Mark, time.Now().Add(-ago).UnixNano(), 0)
	}
	c.from = time.Now().Add(-time.Hour)
	var s ViewerResult
	p := &parser{kind: "h264"}
	first := stamp(3 * time.Second)
	c.record(&s, p, first)
	c.record(&s, p, first) // repeated
	c.record(&s, p, []byte("a placeholder"))
	c.record(&s, p, stamp(time.Second))
	c.Until()
	c.record(&s, p, stamp(-time.Second)) // sent afterwards
	n := c.End()
	if n.Frames != 2 || s.Frames != 3 {
		t.Errorf("%d frames, %d of the viewer, want 2, 3", n.Frames, s.Frames)
	}
	if n.Age(1) < 3000 || n.Age(0) < 1000 || n.Age(0) > n.Age(1) {
		t.Errorf("ages %v to %v", n.Age(0), n.Age(1))
	}
	if s.Late < 3*time.Second {
		t.Errorf("a player of raw H.264 is %v behind, and began 3s behind", s.Late)
	}
	c.record(&s, p, stamp(-2*time.Second)) // after End
	if got := c.End(); got.Frames != 0 {
		t.Errorf("%d frames counted after the end", got.Frames)
	}
}

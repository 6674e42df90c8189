//go:build linux

package main

import (
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/shared/h264"
	"github.com/bramble-cam/bramble/shared/jpegscan"
)

// TestParser: frames are counted when their last byte has come, with the stamp that they left with, however the response is cut into pieces.
func TestParser(t *testing.T) {
	sent := time.Unix(1_790_000_000, 123_456_789)
	picture := film1(t, sent)
	au := h264Clip(h264.ParamSets{SPS: [][]byte{{0x67, 1}}, PPS: [][]byte{{0x68, 1}}}, 2000).frames[0]
	setStamp(au.data, au.at, sent)
	box := func(kind string, data []byte) []byte {
		return append(append(binary.BigEndian.AppendUint32(nil, uint32(8+len(data))), kind...), data...)
	}
	part := append(fmt.Appendf(nil, "Content-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n", len(picture)), picture...)
	part = append(part, "\r\n--frame\r\n"...)
	for kind, body := range map[string][]byte{
		"mjpeg": append(append([]byte("--frame\r\n"), part...), part...),
		"mp4":   append(append(box("moof", picture), box("mdat", au.data)...), box("mdat", au.data)...),
		"h264":  append(append([]byte(nil), au.data...), au.data...),
	} {
		response := append([]byte("HTTP/1.1 200 OK\r\nServer: x\r\n\r\n"), body...)
		for _, size := range []int{1, 7, 1000, len(response)} {
			frames := 0
			p := &parser{kind: kind, frame: func(head []byte) {
				if at, ok := readStamp(head); !ok || !at.Equal(sent) {
					t.Errorf("%s in pieces of %d: stamp %v, %v", kind, size, at, ok)
				}
				frames++
			}}
			for b := response; len(b) > 0; b = b[min(size, len(b)):] {
				if err := p.feed(b[:min(size, len(b))]); err != nil {
					t.Fatal(err)
				}
			}
			if frames != 2 {
				t.Errorf("%s in pieces of %d: %d frames, want 2", kind, size, frames)
			}
		}
	}
}

func TestParserRefuses(t *testing.T) {
	p := &parser{kind: "mjpeg"}
	if err := p.feed([]byte("HTTP/1.1 503 Service Unavailable\r\n\r\n")); err == nil {
		t.Error("a 503 is taken for a stream")
	}
}

// film1 returns a stamped picture, which is still a picture.
func film1(t *testing.T, sent time.Time) []byte {
	t.Helper()
	c, err := jpegClip(160, 120, 8<<10)
	if err != nil {
		t.Fatal(err)
	}
	s := c.frames[0]
	setStamp(s.data, s.at, sent)
	if w, h, err := jpegscan.Check(s.data); err != nil || w != 160 || h != 120 {
		t.Fatalf("%dx%d, %v", w, h, err)
	}
	return s.data
}

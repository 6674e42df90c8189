package syntheticframes

import (
	"bytes"
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bramble-cam/bramble/internal/codec/h264"
	"github.com/bramble-cam/bramble/internal/codec/jpeg"
)

// A stamped picture is still a picture, and its stamp says when it was sent, and how much is behind it.
func TestPicture(t *testing.T) {
	f, err := Pictures(160, 120, 8<<10, 2)
	if err != nil {
		t.Fatal(err)
	}
	fr, sent := f.Frames[1], time.Unix(1_790_000_000, 123_456_789)
	set(fr.Data, fr.at, sent)
	if w, h, err := jpeg.Check(fr.Data); err != nil || w != 160 || h != 120 {
		t.Errorf("%dx%d, %v", w, h, err)
	}
	if len(fr.Data) > 8<<10 {
		t.Errorf("%d bytes", len(fr.Data))
	}
	s, ok := ReadStamp(fr.Data[:100])
	if !ok || !s.Sent.Equal(sent) || s.Rest != len(fr.Data)-fr.at-StampSize {
		t.Errorf("stamp %+v, %v", s, ok)
	}
}

// A stamped access unit is what it was, with one SEI message in front of its slice.
func TestGOP(t *testing.T) {
	f := GOP(2000, 3)
	for i, fr := range f.Frames {
		var kinds []byte
		for nalu := range h264.NALUs(fr.Data) {
			kinds = append(kinds, nalu[0]&0x1f)
		}
		want := []byte{6, 1}
		if i == 0 {
			want = []byte{7, 8, 6, 5}
		}
		if !bytes.Equal(kinds, want) {
			t.Errorf("frame %d has NAL units of the types %d, want %d", i, kinds, want)
		}
		s, ok := ReadStamp(fr.Data)
		if !ok || s.Key != (i == 0) || s.Rest != len(fr.Data)-fr.at-StampSize {
			t.Errorf("frame %d: stamp %+v, %v", i, s, ok)
		}
	}
}

// A stream is cut into the access units that it was joined from.
func TestDecodable(t *testing.T) {
	gop := GOP(500, 3)
	f := Decodable(append(gop.Bytes(), 0, 0, 0, 1, 0x41, 0x40)) // a second slice of the last picture
	if len(f.Frames) != 3 || !f.Frames[0].Key || f.Frames[1].Key || f.Frames[2].Key {
		t.Fatalf("%d frames", len(f.Frames))
	}
	if got := f.Rate(); got < 500*FPS || got > 1000*FPS {
		t.Errorf("%f bytes a second", got)
	}
}

func TestReadStampRefuses(t *testing.T) {
	whole := string(blank(true, 7))
	for _, text := range []string{"", Mark, whole[:len(whole)-1], Mark + "123456789012345678x100000007"} {
		if s, ok := ReadStamp([]byte(text)); ok {
			t.Errorf("%q is a stamp: %+v", text, s)
		}
	}
}

// A clip goes round, each frame 40 ms after the one before and stamped with that time.
func TestPlay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		<-time.After(20 * 365 * 24 * time.Hour) // a stamp has room for today's times, and this clock begins in 2000
		ctx, cancel := context.WithCancel(t.Context())
		f := GOP(200, 3).Copy()
		var sent []time.Time
		err := f.Play(ctx, func(n uint64, fr Frame, now time.Time) error {
			s, ok := ReadStamp(fr.Data)
			if !ok || !s.Sent.Equal(now) || fr.Key != (n%3 == 0) {
				t.Errorf("frame %d: %+v at %v", n, s, now)
			}
			if sent = append(sent, now); len(sent) == 7 {
				cancel()
			}
			return nil
		})
		if err != nil || len(sent) != 7 || sent[6].Sub(sent[0]) != 6*time.Second/FPS {
			t.Errorf("%v, sent at %v", err, sent)
		}
	})
}

// A padded picture is a picture still, of the size that was asked for, and its stamp is where it was.
func TestPad(t *testing.T) {
	for _, size := range []int{20_000, 20_001, 20_004, 200_000, 1 << 20} {
		f, err := Pictures(64, 48, 4<<10, 1)
		if err != nil {
			t.Fatal(err)
		}
		for room := range 6 { // none of them may be too small for a segment's header
			f.Pad(size + room)
			data := f.Frames[0].Data
			if len(data) > size+room || len(data) < size+room-3 {
				t.Errorf("%d bytes: want %d", len(data), size+room)
			}
			now := time.Unix(1_790_000_000, 5)
			set(data, f.Frames[0].at, now)
			if stamp, ok := ReadStamp(data[:200]); !ok || !stamp.Sent.Equal(now) {
				t.Errorf("stamp %v, %v", stamp, ok)
			}
			if _, _, err := jpeg.Check(data); err != nil {
				t.Error(err)
			}
		}
	}
}

package ws

import (
	"encoding/hex"
	"testing"
	"time"
)

// The header of a frame, byte for byte as docs/ref/ws.md has it.
func TestHeader(t *testing.T) {
	h := header{frameFragment, flagKey | flagSkipped, 0x01020304, 0x1112131415161718, time.UnixMicro(0x2122232425262728),
		time.UnixMicro(0x3132333435363738), 0x4142434445464748}
	const want = "03050000" + "01020304" + "1112131415161718" + "2122232425262728" + "3132333435363738" +
		"4142434445464748" + "ff"
	if got := hex.EncodeToString(append(h.append(nil), 0xff)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if framePicture != 1 || frameInit != 2 || frameFragment != 3 || flagKey != 1 || flagHistory != 2 || flagSkipped != 4 ||
		len(h.append(nil)) != headerSize {
		t.Error("numbers differ from docs/ref/ws.md")
	}
}

// The set of used numbers is exact, and its memory bounded.
func TestSlotSet(t *testing.T) {
	var s slotSet
	for _, n := range []uint32{5, 3, 4, 1<<32 - 1, 1, 1<<32 - 2, 2, 9} {
		if s.has(n) {
			t.Errorf("%d is there before it was used", n)
		}
		if err := s.add(n); err != nil || !s.has(n) {
			t.Errorf("%d: %v", n, err)
		}
		if s.add(n) == nil {
			t.Errorf("%d can be used twice", n)
		}
	}
	if want := []run{{1, 5}, {9, 9}, {1<<32 - 2, 1<<32 - 1}}; len(s.runs) != 3 || s.runs[0] != want[0] ||
		s.runs[1] != want[1] || s.runs[2] != want[2] {
		t.Errorf("%v, want %v", s.runs, want)
	}
	for _, n := range []uint32{0, 6, 8, 10, 1<<32 - 3} {
		if s.has(n) {
			t.Errorf("%d was never used", n)
		}
	}
	var scattered slotSet
	refused := 0
	for n := uint32(2); n < 4*maxRuns; n += 2 {
		if scattered.add(n) != nil {
			refused++
		}
	}
	if len(scattered.runs) != maxRuns || refused != maxRuns-1 {
		t.Errorf("%d runs, %d refused", len(scattered.runs), refused)
	}
	if err := scattered.add(3); err != nil { // it closes a gap
		t.Error(err)
	}
}

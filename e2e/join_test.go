package e2e

import (
	"bufio"
	"bytes"
	"path/filepath"
	"testing"

	"github.com/bramble-cam/bramble/hub"
	"github.com/bramble-cam/bramble/internal/codec/h264"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// accessUnits cuts a stream of access units in wire form, one slice each, as it comes: it sends the slices.
func accessUnits(r *bufio.Reader, slices chan<- []byte) {
	defer close(slices)
	var have []byte
	buf := make([]byte, 64<<10)
	for {
		n, err := r.Read(buf)
		if err != nil {
			return
		}
		have = append(have, buf[:n]...)
		for {
			next := bytes.Index(have[min(4, len(have)):], []byte{0, 0, 0, 1})
			if next < 0 {
				break
			}
			for nalu := range h264.NALUs(have[:next+4]) {
				if kind := nalu[0] & 0x1f; kind == 1 || kind == 5 {
					slices <- bytes.Clone(nalu)
				}
			}
			have = have[next+4:]
		}
	}
}

// TestJoin lets a second viewer join in the middle of a GOP of 4 s. What it is sent first is that GOP's key frame,
// which is over, and not the next one.
func TestJoin(t *testing.T) {
	t.Parallel()
	need(t, "ffmpeg")
	clip := filepath.Join(t.TempDir(), "gop100.h264")
	output(t, playTime, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25", "-frames:v", "300",
		"-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-x264-params",
		"keyint=100:scenecut=0:sliced-threads=0", clip)
	root, natsURL := startHub(t, hub.Config{})
	startAgent(t, natsURL, "clip=file:"+clip+"#fps=25")
	waitCamera(t, root, "clip")

	first := make(chan []byte, 1000)
	go accessUnits(open(t, root+"/cam/clip.h264"), first)
	isKey := func(slice []byte) bool { return slice[0]&0x1f == 5 }
	for range 2 { // the second GOP, to have nothing to do with the start of the camera
		for !isKey(testutil.Receive(t, "a slice for the first viewer", first)) {
		}
	}
	var key []byte
	for {
		key = testutil.Receive(t, "a slice for the first viewer", first)
		if isKey(key) {
			break
		}
	}
	for range 12 { // half a second later
		if isKey(testutil.Receive(t, "a slice for the first viewer", first)) {
			t.Fatal("the GOP is shorter than it was made")
		}
	}

	second := make(chan []byte, 1000)
	go accessUnits(open(t, root+"/cam/clip.h264"), second)
	if got := testutil.Receive(t, "a slice for the second viewer", second); !bytes.Equal(got, key) {
		t.Errorf("the second viewer was first sent a slice of type %d and %d bytes, not the GOP's key frame of %d bytes",
			got[0]&0x1f, len(got), len(key))
	}
	mp4 := open(t, root+"/cam/clip.mp4")
	if init, err := mp4.Peek(16); err != nil || !bytes.Contains(init, []byte("ftyp")) {
		t.Errorf("the MP4 does not begin with an init segment: % x, %v", init, err)
	}
	found := readUntil(t, mp4, key)
	if other := bytes.Count(found, []byte("moof")); other > 1 {
		t.Errorf("the GOP's key frame is in fragment %d, not in the first", other)
	}
}

// readUntil reads until what was read ends with want.
func readUntil(t *testing.T, r *bufio.Reader, want []byte) (read []byte) {
	t.Helper()
	buf := make([]byte, 32<<10)
	for !bytes.Contains(read, want) {
		n, err := r.Read(buf)
		if err != nil || len(read) > 4<<20 {
			t.Fatalf("not found in %d bytes: %v", len(read), err)
		}
		read = append(read, buf[:n]...)
	}
	return read[:bytes.Index(read, want)]
}

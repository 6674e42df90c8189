package web

import (
	"bytes"
	"encoding/binary"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/codec/h264"
	"github.com/bramble-cam/bramble/shared/frame"
)

// mp4Watcher plays an mp4 slot like a source buffer.
type mp4Watcher struct {
	*socket
	parts [][]byte // from one init segment up to the next
	count uint32
	media int64 // of the last fragment
}

func (r *fixture) watchMP4(camera string, window int) *mp4Watcher {
	c := r.dial()
	c.say(`{"op":"watch","slot":1,"camera":%q,"kind":"mp4","window":%d}`, camera, window)
	return &mp4Watcher{socket: c, media: -1}
}

// init takes the announcement and the init segment.
func (w *mp4Watcher) init(params *h264.ParamSets) {
	w.t.Helper()
	m := w.expect("watching", 1)
	if want := `video/mp4; codecs="avc1.`; !strings.HasPrefix(m.MIME, want) || len(m.MIME) != len(want)+7 ||
		m.Kind != "mp4" || m.Width != 160 || m.Height != 96 {
		w.t.Errorf("%+v", m)
	}
	f := w.frame(1)
	if f.kind != frameInit || f.flags != 0 || f.mediaNow != 0 || !bytes.Contains(f.payload, params.SPS[0]) ||
		bytes.Contains(f.payload, []byte("elst")) {
		w.t.Errorf("an init segment of kind %d, flags %d, %d bytes", f.kind, f.flags, len(f.payload))
	}
	w.parts = append(w.parts, f.payload)
	w.count++
}

// fragment takes a fragment, which must hold this access unit, and returns how much media time lies between it and the
// one before.
func (w *mp4Watcher) fragment(u unit, flags byte) (step time.Duration) {
	w.t.Helper()
	f := w.frame(1)
	if u.key {
		flags |= flagKey
	}
	at := bytes.Index(f.payload, []byte("mdat"))
	if f.kind != frameFragment || f.flags != flags || at < 0 ||
		!bytes.Equal(f.payload[at+4:], h264.AppendAVCC(nil, u.data, u.params)) {
		w.t.Fatalf("fragment %d of kind %d, flags %d: want flags %d", f.seq, f.kind, f.flags, flags)
	}
	tfdt := bytes.Index(f.payload, []byte("tfdt\x01"))
	if ticks := binary.BigEndian.Uint64(f.payload[tfdt+8:]); f.mediaNow != int64(ticks*100/9) {
		w.t.Errorf("media time %d, decode time %d", f.mediaNow, ticks)
	}
	if f.mediaNow <= w.media {
		w.t.Errorf("media time %d after %d", f.mediaNow, w.media)
	}
	step, w.media = time.Duration(f.mediaNow-w.media)*time.Microsecond, f.mediaNow
	last := len(w.parts) - 1
	w.parts[last] = append(w.parts[last], f.payload...)
	w.count++
	return step
}

// decodes lets ffmpeg decode everything, with these numbers of pictures.
func (w *mp4Watcher) decodes(pictures ...int) {
	w.t.Helper()
	ffmpeg, err := exec.LookPath("ffmpeg")
	if err != nil {
		w.t.Skip("ffmpeg is missing: apt-get install ffmpeg")
	}
	if len(w.parts) != len(pictures) {
		w.t.Fatalf("%d init segments, want %d", len(w.parts), len(pictures))
	}
	for i, part := range w.parts {
		cmd := exec.CommandContext(w.ctx, ffmpeg, "-v", "error", "-xerror", "-err_detect", "explode", "-f", "mp4", "-i",
			"pipe:0", "-fps_mode", "passthrough", "-f", "framemd5", "pipe:1")
		cmd.Stdin = bytes.NewReader(part)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		count := 0
		for line := range strings.Lines(string(out)) {
			if !strings.HasPrefix(line, "#") {
				count++
			}
		}
		if err != nil || stderr.Len() > 0 || count != pictures[i] {
			w.t.Errorf("part %d: %d pictures, want %d: %v %s", i, count, pictures[i], err, stderr.String())
		}
	}
}

// TestWSMovie: an mp4 slot begins at the newest key frame, marks the preroll, and has the camera's times.
func TestWSMovie(t *testing.T) {
	r := newFixture(t, stream.Config{}, withoutIdle)
	yard, list := r.camera("yard", frame.H264), units(t, "slices.h264")
	for _, u := range list[:8+3] {
		yard.access(u)
	}
	w := r.watchMP4("yard", 64)
	w.init(list[8].params)
	w.fragment(list[8], flagHistory)
	w.fragment(list[9], flagHistory)
	w.fragment(list[10], 0)
	for _, u := range list[11:] {
		yard.access(u)
		if step := w.fragment(u, 0); step != frameTime {
			t.Errorf("a step of %v", step)
		}
	}
	w.decodes(len(list) - 8)
	yard.viewers(1)
}

// TestWSMovieNewParams: new parameter sets come with a new announcement and initialization segment. The media time
// continues without a gap.
func TestWSMovieNewParams(t *testing.T) {
	r := newFixture(t, stream.Config{}, withoutIdle)
	yard, list := r.camera("yard", frame.H264), units(t, "change.h264")
	for _, u := range list[:6] {
		yard.access(u)
	}
	w := r.watchMP4("yard", 64)
	w.init(list[5].params)
	w.fragment(list[5], 0)
	for _, u := range list[6:] {
		yard.access(u)
		if u.params != list[5].params && len(w.parts) == 1 {
			w.init(u.params)
		}
		if step := w.fragment(u, 0); step != frameTime {
			t.Errorf("a step of %v", step)
		}
	}
	w.decodes(5, len(list)-10)
}

// TestWSMovieWindow: initialization segments count for the window. With a window of 1 the matching fragment waits
// for the acknowledgement.
func TestWSMovieWindow(t *testing.T) {
	r := newFixture(t, stream.Config{}, withoutIdle)
	yard, list := r.camera("yard", frame.H264), units(t, "slices.h264")
	yard.access(list[0])
	w := r.watchMP4("yard", 1)
	w.init(list[0].params)
	yard.access(list[1])
	w.silent()
	for i := range 2 {
		w.ack(1, w.count)
		w.fragment(list[i], 0)
		w.silent()
	}
}

// TestWSMovieSkips: a client that lags continues with the newest key frame. The media time has no gap, and the
// preroll takes none.
func TestWSMovieSkips(t *testing.T) {
	r := newFixture(t, stream.Config{LiveBudget: 4 * moment}, withoutIdle)
	yard, list := r.camera("yard", frame.H264), units(t, "slices.h264")
	yard.access(list[0])
	w := r.watchMP4("yard", 2)
	w.init(list[0].params)
	w.fragment(list[0], 0)
	for _, u := range list[1:4] {
		yard.access(u)
	}
	<-time.After(8 * moment) // beyond the budget
	for _, u := range list[4 : 8+3] {
		yard.access(u)
	}
	w.ack(1, w.count)
	if step := w.fragment(list[8], flagHistory|flagSkipped); step != frameTime {
		t.Errorf("a step of %v to the key frame", step)
	}
	for _, test := range []struct {
		unit  int
		flags byte
	}{{9, flagHistory}, {10, 0}} {
		w.ack(1, w.count)
		if step := w.fragment(list[test.unit], test.flags); step > time.Millisecond {
			t.Errorf("a step of %v in the history", step)
		}
	}
	yard.access(list[11])
	w.ack(1, w.count)
	if step := w.fragment(list[11], 0); step != frameTime {
		t.Errorf("a step of %v", step)
	}
	w.decodes(5)
}

// TestWSMovieOutage: a camera that returns after an outage continues in the same slot.
func TestWSMovieOutage(t *testing.T) {
	r := newFixture(t, stream.Config{}, withoutIdle)
	yard, list := r.camera("yard", frame.H264), units(t, "slices.h264")
	yard.access(list[0])
	w := r.watchMP4("yard", 64)
	w.init(list[0].params)
	w.fragment(list[0], 0)
	yard.epoch, yard.seq = 2, 0
	for _, u := range list[8:11] {
		yard.access(u)
		if step := w.fragment(u, 0); step > 2*frameTime {
			t.Errorf("a step of %v", step)
		}
	}
	w.decodes(4)
}

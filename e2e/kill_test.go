package e2e

import (
	"bufio"
	"io"
	"mime/multipart"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/hub"
	"github.com/bramble-cam/bramble/internal/codec/h264"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// watcher is a viewer that notes when the pictures it was sent were captured.
type watcher struct {
	mu     sync.Mutex
	times  []time.Time // of capture, one per part, repeated pictures included
	broken error       // why the connection ended
}

func (w *watcher) note(captured time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.times = append(w.times, captured)
}

func (w *watcher) end(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.broken = err
}

// saw reports whether the viewer was sent something captured after t, and how many parts it was sent.
func (w *watcher) saw(t time.Time) (newer bool, parts int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.times) > 0 && w.times[len(w.times)-1].After(t), len(w.times)
}

// watchMJPEG reads the parts of an MJPEG response until it ends.
func (w *watcher) watchMJPEG(r io.Reader) {
	parts := multipart.NewReader(r, "bramble-part")
	for {
		part, err := parts.NextPart()
		if err != nil {
			w.end(err)
			return
		}
		if _, err := io.Copy(io.Discard, part); err != nil {
			w.end(err)
			return
		}
		seconds, err := strconv.ParseFloat(part.Header.Get("X-Timestamp"), 64)
		if err != nil {
			w.end(err)
			return
		}
		w.note(time.UnixMicro(int64(seconds * 1e6)))
	}
}

// watchH264 notes when each key frame begins; a raw stream does not say when it was captured.
func (w *watcher) watchH264(r *bufio.Reader) {
	var last []byte
	buf := make([]byte, 64<<10)
	for {
		n, err := r.Read(buf)
		if err != nil {
			w.end(err)
			return
		}
		last = append(last, buf[:n]...)
		for nalu := range h264.NALUs(last) {
			if nalu[0]&0x1f == 7 {
				w.note(time.Now())
			}
		}
		last = append(last[:0], last[max(0, len(last)-4):]...)
	}
}

// TestKill kills the agent and then NATS under 20 viewers. Everything must come back by itself, MJPEG viewers must not
// even notice a new connection, and no viewer may get frames that were captured while they could not be
// sent.
func TestKill(t *testing.T) {
	testutil.System(t, "kills agents and servers")
	addr := freePort(t)
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	startNATS := func() *process {
		p := start(t, binary("nats-server"), "-a", "127.0.0.1", "-p", port)
		p.waitOutput("Server is ready")
		return p
	}
	nats := startNATS()
	root, natsURL := startHub(t, hub.Config{NATSURL: "nats://" + addr})
	cameras := []string{"card=pattern:#size=320x240&fps=15", "clip=file:../hub/cmd/bramble-hub/clips/garden.h264#fps=25"}
	agent := startAgent(t, natsURL, cameras...)
	waitCamera(t, root, "card")
	waitCamera(t, root, "clip")

	var viewers []*watcher
	var reading sync.WaitGroup
	t.Cleanup(reading.Wait) // runs after open's cleanups, which end the responses
	for i := range 20 {
		w := &watcher{}
		viewers = append(viewers, w)
		if i < 16 {
			r := open(t, root+"/cam/card.mjpeg")
			reading.Go(func() { w.watchMJPEG(r) })
		} else {
			r := open(t, root+"/cam/clip.h264")
			reading.Go(func() { w.watchH264(r) })
		}
	}
	allSee := func(what string, after time.Time) {
		t.Helper()
		for _, w := range viewers {
			testutil.Eventually(t, "every viewer sees "+what, func() bool { newer, _ := w.saw(after); return newer })
		}
	}
	allSee("the cameras", time.Time{})

	outage := func(what string, kill func(), restart func()) {
		t.Helper()
		kill()
		down := time.Now()
		_, before := viewers[0].saw(down)
		testutil.Eventually(t, "the last picture is repeated while "+what+" is away", func() bool {
			_, parts := viewers[0].saw(down)
			return parts >= before+2
		})
		up := time.Now()
		restart()
		allSee("the cameras after "+what+" has returned", up)
		for i, w := range viewers[:16] {
			w.checkFresh(t, i, what, down, up)
		}
	}
	outage("the agent", agent.kill, func() { startAgent(t, natsURL, cameras...) })
	outage("NATS", nats.kill, func() { startNATS() })
}

// checkFresh checks that the viewer's connection lives and that it was sent nothing captured during the outage, nor
// anything older than before.
func (w *watcher) checkFresh(t *testing.T, viewer int, what string, down, up time.Time) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.broken != nil {
		t.Errorf("viewer %d lost its connection when %s was killed: %v", viewer, what, w.broken)
	}
	var last time.Time
	for _, captured := range w.times {
		if captured.Before(last) {
			t.Errorf("viewer %d was sent a picture of %v after one of %v", viewer, captured, last)
		}
		// A frame may have been on its way when the process died: allow it the time of one frame.
		if captured.After(down.Add(100*time.Millisecond)) && captured.Before(up) {
			t.Errorf("viewer %d was sent a picture captured %v into the outage of %s", viewer, captured.Sub(down), what)
		}
		last = captured
	}
}

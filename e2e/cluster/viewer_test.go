package cluster

import (
	"bytes"
	"context"
	"fmt"
	"image/jpeg"
	"io"
	"math/rand/v2"
	"mime"
	"mime/multipart"
	"net/http"
	"sync"
	"time"

	"github.com/bramble-cam/bramble/internal/testpattern/timecode"
)

// viewers are viewers, who come back when their response ends.
type viewerGroup struct {
	client  *http.Client
	clocks  sync.Map // of time.Time, by the picture that has it: many viewers see the same one
	viewers []*viewer
	tasks   sync.WaitGroup
	end     context.CancelFunc
}

// viewer watches one camera by MJPEG, and reads the clock in each picture.
type viewer struct {
	camera, url string

	mu     sync.Mutex // guards what follows
	joined int        // how many responses have begun
	newest time.Time  // the newest clock seen
	at     time.Time  // when it came
	gap    time.Duration
	oldest time.Duration // the greatest age of a picture that was new to the viewer
	stale  []string      // pictures that are older than one seen before, or that cannot be read
	cut    int           // responses that ended within a picture
	blank  int           // placeholders
}

// newViewerGroup has n viewers watch the cameras in turn, through the balancer at root.
func newViewerGroup(root string, n int, cameras []string) *viewerGroup {
	ctx, end := context.WithCancel(context.Background())
	a := &viewerGroup{client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, end: end}
	for i := range n {
		camera := cameras[i%len(cameras)]
		v := &viewer{camera: camera, url: root + "/cam/" + camera + ".mjpeg"}
		a.viewers = append(a.viewers, v)
		a.tasks.Go(func() { a.watch(ctx, v) })
	}
	return a
}

func (a *viewerGroup) close() {
	a.end()
	a.tasks.Wait()
	a.client.CloseIdleConnections()
}

// watch comes back until ctx ends, with jitter as the page does.
func (a *viewerGroup) watch(ctx context.Context, v *viewer) {
	for ctx.Err() == nil {
		a.response(ctx, v)
		select {
		case <-ctx.Done():
		case <-time.After(rand.N(200 * time.Millisecond)):
		}
	}
}

func (a *viewerGroup) response(ctx context.Context, v *viewer) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, v.url, nil)
	if err != nil {
		v.reportError(err.Error())
		return
	}
	resp, err := a.client.Do(req)
	if err != nil {
		return // the balancer has no hub
	}
	defer func() { _ = resp.Body.Close() }() // it is read to its end, or of no interest
	if resp.StatusCode != http.StatusOK {
		return
	}
	_, params, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil {
		v.reportError(err.Error())
		return
	}
	v.mu.Lock()
	v.joined++
	v.mu.Unlock()
	parts := multipart.NewReader(resp.Body, params["boundary"])
	for {
		part, err := parts.NextRawPart()
		if err != nil {
			return
		}
		data, err := io.ReadAll(part)
		if err != nil {
			v.mu.Lock()
			v.cut++
			v.mu.Unlock()
			return
		}
		v.record(a.clock(data), time.Now())
	}
}

// clock reads the clock in a picture; it is zero if there is none, as in a placeholder.
func (a *viewerGroup) clock(data []byte) time.Time {
	key := string(data)
	if t, ok := a.clocks.Load(key); ok {
		return t.(time.Time)
	}
	var shown time.Time
	if img, err := jpeg.Decode(bytes.NewReader(data)); err == nil {
		shown, _ = timecode.Read(img) // an error is a picture without a clock
	}
	a.clocks.Store(key, shown)
	return shown
}

// record takes in a picture whose clock shows t, and which came at now.
func (v *viewer) record(t, now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case t.IsZero():
		v.blank++
	case t.Before(v.newest):
		v.stale = append(v.stale, fmt.Sprintf("%v older than one before it", v.newest.Sub(t)))
	case t.After(v.newest):
		if !v.at.IsZero() {
			v.gap = max(v.gap, now.Sub(v.at))
		}
		v.oldest = max(v.oldest, now.Sub(t))
		v.newest, v.at = t, now
	}
}

func (v *viewer) reportError(text string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.stale = append(v.stale, text)
}

// live reports whether the viewer has seen a picture that was taken after t.
func (v *viewer) live(t time.Time) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.newest.After(t)
}

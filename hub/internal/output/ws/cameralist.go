package ws

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/auth"
	"github.com/bramble-cam/bramble/hub/internal/cameras"
	"github.com/bramble-cam/bramble/internal/logkey"
	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/status"
)

// listedCamera is a camera's state on a WebSocket (docs/ref/ws.md).
type listedCamera struct {
	ID       string       `json:"id"`
	State    status.State `json:"state"`
	Reason   string       `json:"reason"`
	Warning  string       `json:"warning,omitempty"`
	Since    time.Time    `json:"since"`
	LastSeen *time.Time   `json:"last_seen,omitempty"`
	Host     string       `json:"host"`
	Source   string       `json:"source"`
	Format   frame.Format `json:"format"`
	Formats  []string     `json:"formats"`
	Width    int          `json:"width"`
	Height   int          `json:"height"`
	FPS      float64      `json:"fps"`
	Bitrate  float64      `json:"bitrate"`
	Viewers  int          `json:"viewers"`
}

func (h *Handler) listedCamera(cam *cameras.Camera) listedCamera {
	i := cam.Info()
	r := listedCamera{
		ID: i.Camera, State: i.State, Reason: i.Reason, Warning: i.Warning, Since: i.Since,
		Host: i.Host, Source: i.Source, Format: i.Format, Formats: h.cfg.Formats(i.Format),
		Width: i.Width, Height: i.Height, FPS: threeDigits(i.FPS), Bitrate: threeDigits(float64(i.Bitrate)),
		Viewers: i.Viewers,
	}
	if i.State == cameras.Offline {
		r.LastSeen = &i.LastStatus
	}
	return r
}

// threeDigits rounds x to three significant digits.
func threeDigits(x float64) float64 {
	if x <= 0 || math.IsInf(x, 0) || math.IsNaN(x) {
		return 0
	}
	unit := math.Pow(10, math.Floor(math.Log10(x))-2)
	if unit < 1 { // 24.9 has no exact tenth, but an exact ten
		return math.Round(x/unit) / math.Round(1/unit)
	}
	return math.Round(x/unit) * unit
}

// cameraList is the state of all cameras, made once for all connections when one of them wants it. The zero value is
// ready.
type cameraList struct {
	mu  sync.Mutex
	now *listView
	due time.Time // when it should be made again
}

// listView is the state of all cameras at one moment. It does not change any more.
type listView struct {
	revision uint64
	entries  []listEntry // sorted by id
}

// listEntry is one camera's state.
type listEntry struct {
	id       string
	json     []byte
	revision uint64 // of the view since which it is so
}

// view returns the state of all cameras, and when there may be a newer one. It is the same pointer while nothing has
// changed.
func (h *Handler) view() (v *listView, due time.Time) {
	r := &h.list
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if r.now == nil || !now.Before(r.due) {
		r.now, r.due = h.refresh(r.now), now.Add(h.cfg.Timing.List)
	}
	return r.now, r.due
}

func (h *Handler) refresh(old *listView) *listView {
	if old == nil {
		old = &listView{}
	}
	v := &listView{revision: old.revision + 1}
	before := old.entries
	changed := false
	for _, cam := range h.cfg.Cameras.Registry.Cameras() {
		data, err := json.Marshal(h.listedCamera(cam))
		if err != nil { // no camera's state can
			h.cfg.Log.Error("state not told", logkey.Camera, cam.ID(), logkey.Err, err)
			continue
		}
		e := listEntry{cam.ID(), data, v.revision}
		for len(before) > 0 && before[0].id < e.id {
			before, changed = before[1:], true
		}
		if len(before) > 0 && before[0].id == e.id {
			if bytes.Equal(before[0].json, data) {
				e = before[0]
			}
			before = before[1:]
		}
		changed = changed || e.revision == v.revision
		v.entries = append(v.entries, e)
	}
	if !changed && len(before) == 0 && old.revision > 0 {
		return old
	}
	return v
}

// listMessage is the message with what has changed.
type listMessage struct {
	Op      string            `json:"op"`
	All     bool              `json:"all"`
	Cameras []json.RawMessage `json:"cameras"`
	Gone    []string          `json:"gone"`
}

// since returns the message for a client that knows an earlier view, or nil if it knows none. may reports which cameras
// the client may view.
func (v *listView) since(old *listView, may func(camera string) bool) listMessage {
	m := listMessage{Op: "roster", All: old == nil, Cameras: []json.RawMessage{}, Gone: []string{}}
	var before []listEntry
	var revision uint64
	if old != nil {
		before, revision = old.entries, old.revision
	}
	for _, e := range v.entries {
		for len(before) > 0 && before[0].id <= e.id {
			if before[0].id < e.id && may(before[0].id) {
				m.Gone = append(m.Gone, before[0].id)
			}
			before = before[1:]
		}
		if e.revision > revision && may(e.id) {
			m.Cameras = append(m.Cameras, e.json)
		}
	}
	for _, e := range before {
		if may(e.id) {
			m.Gone = append(m.Gone, e.id)
		}
	}
	return m
}

// filterFormats leaves the formats of a signed link only; nil means all. A link to MJPEG includes JPEG here, because
// the pictures are the same.
func (m listMessage) filterFormats(formats []string) listMessage {
	if formats == nil {
		return m
	}
	if slices.Contains(formats, "mjpeg") {
		formats = append(formats, "jpeg")
	}
	for i, data := range m.Cameras {
		var cam listedCamera
		if json.Unmarshal(data, &cam) != nil { // it is our own
			continue
		}
		cam.Formats = slices.DeleteFunc(cam.Formats, func(f string) bool { return !slices.Contains(formats, f) })
		if narrowed, err := json.Marshal(cam); err == nil {
			m.Cameras[i] = narrowed
		}
	}
	return m
}

// wantList has the client told of the cameras from now on; of all again, if it has asked before.
func (c *conn) wantList() {
	if c.lists == nil {
		c.lists = make(chan struct{}, 1)
		c.tasks.Go(func() { c.sendLists(c.lists) })
		return
	}
	select {
	case c.lists <- struct{}{}:
	default:
	}
}

func (c *conn) sendLists(again <-chan struct{}) {
	var last *listView
	var p auth.Principal
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-c.ctx.Done():
			return
		case <-again:
			last = nil
		case <-timer.C:
		}
		if now := c.g.Principal(); !now.SameGrants(p) {
			p, last = now, nil
		}
		v, due := c.h.view()
		if v != last {
			if m := v.since(last, p.CanView).filterFormats(p.Formats()); m.All || len(m.Cameras)+len(m.Gone) > 0 {
				c.send(m)
			}
			last = v
		}
		timer.Reset(max(time.Until(due), 0))
	}
}

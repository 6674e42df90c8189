package ws

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/authz"
	"github.com/bramble-cam/bramble/hub/internal/cameras"
	"github.com/bramble-cam/bramble/hub/internal/fmp4"
	"github.com/bramble-cam/bramble/hub/internal/output"
	"github.com/bramble-cam/bramble/hub/internal/output/mp4"
	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/hub/internal/viewers"
	"github.com/bramble-cam/bramble/internal/media"
)

// slot is one viewer on a WebSocket.
type slot struct {
	conn   *conn
	number uint32
	camera string
	output output.Spec
	want   media.Want
	window uint32
	stop   context.CancelFunc
	credit chan struct{} // holds a token after an acknowledgement

	mu    sync.Mutex
	sent  uint32 // frames, of which
	acked uint32 // the client has acknowledged so many

	// Of the goroutine that runs the slot.
	guest   *viewers.Viewer
	viewer  *cameras.Subscription
	pending *stream.Delivery // that was taken and could not be sent
	skipped bool             // frames, since the last one that was sent
	jpegSlot
	mp4Slot
}

// jpegSlot is what a jpeg slot keeps.
type jpegSlot struct {
	interval      time.Duration // between two pictures at least
	due           time.Time     // when the next one should be sent
	early         bool          // the pending one came too early
	width, height int           // of the last one
}

// mp4Slot is what an mp4 slot keeps.
type mp4Slot struct {
	params media.Params // in the last init segment
	times  fmp4.Timeline
	moof   []byte
}

// acknowledge takes in how many frames the client has dealt with.
func (o *slot) acknowledge(count uint32) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if count > o.sent {
		return fmt.Errorf("slot %d: %d frames acknowledged, %d sent", o.number, count, o.sent)
	}
	o.acked = max(o.acked, count)
	select {
	case o.credit <- struct{}{}:
	default:
	}
	return nil
}

// open reports whether the window lets a frame through.
func (o *slot) open() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.sent-o.acked < o.window
}

// run sends the slot's frames until it is unwatched or cannot go on, and says that it has ended.
func (o *slot) run(ctx context.Context) {
	c := o.conn
	g, err := o.enter(ctx)
	if err == nil {
		o.guest = g
		err = o.watch(g.Context())
		if cause := context.Cause(g.Context()); errors.Is(cause, viewers.ErrRevoked) {
			err = cause
		}
		c.h.cfg.Viewers.Remove(g)
	}
	c.leave(o)
	switch {
	case c.ctx.Err() != nil:
		return
	case ctx.Err() != nil:
		c.send(reply{Op: "ended", Slot: o.number})
		return
	}
	p := c.problem(err)
	if p.Status == 500 {
		c.h.cfg.Outputs.LogEnd(o.camera, err, false)
	}
	c.send(reply{Op: "ended", Slot: o.number, Error: p})
}

// enter has the slot counted as a viewer, if it may be one and there is room.
func (o *slot) enter(ctx context.Context) (*viewers.Viewer, error) {
	c, p, format := o.conn, o.conn.g.Principal(), o.output.Name
	if p.CanView(o.camera) {
		if err := authz.CheckFormat(p, o.camera, format); err != nil {
			return nil, err
		}
	}
	return c.h.cfg.Viewers.Add(ctx, viewers.Client{Principal: p, Address: c.g.Address()}, o.camera, format)
}

func (o *slot) watch(ctx context.Context) (err error) {
	defer output.Recover(&err)
	cfg := &o.conn.h.cfg
	cam, err := cfg.Cameras.Lookup(o.conn.g.Principal(), o.camera)
	if err == nil {
		err = cfg.Provider.Check(cam, o.want)
	}
	if err != nil {
		return err
	}
	by := output.ShareOf(o.conn.g.Principal(), o.conn.g.Address(), cam)
	if o.viewer, err = cfg.Provider.Subscribe(ctx, cam, o.want, by, cameras.Viewer); err != nil {
		return err
	}
	defer o.viewer.Close()
	for err == nil {
		if err = o.await(ctx); err == nil {
			err = o.deliver(ctx)
		}
	}
	return err
}

// await returns when there is a frame that may be sent. The window comes first: a frame taken while it is closed would
// be old when it opens.
func (o *slot) await(ctx context.Context) error {
	for {
		for !o.open() {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-o.credit:
			}
		}
		if o.pending != nil && !o.early {
			return nil
		}
		err := o.viewer.WaitReady(ctx, o.conn.h.cfg.Timing.Idle)
		if !errors.Is(err, stream.ErrTimeout) {
			return err
		}
		if o.early && !time.Now().Before(o.due) { // the camera has fallen silent: so this is its newest picture
			o.early = false
			return nil
		}
		if !o.early {
			reason := o.viewer.Reason()
			o.conn.send(reply{Op: "quiet", Slot: o.number, Reason: &reason})
		}
	}
}

// deliver sends the frame that there is. It takes the frame when it is the connection's turn: one that waited behind
// other slots' frames would be older.
func (o *slot) deliver(ctx context.Context) error {
	c := o.conn
	c.writing.Lock()
	defer c.writing.Unlock()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if o.pending != nil && !o.early {
		d := *o.pending
		o.pending = nil
		return o.sendLocked(d, time.Now())
	}
	d, err := o.viewer.Next(ctx, 0)
	if errors.Is(err, stream.ErrTimeout) { // the camera's stream was closed meanwhile
		return nil
	}
	if err != nil {
		return err
	}
	o.pending, o.early = nil, false
	o.skipped = o.skipped || d.Skipped > 0
	return o.sendLocked(d, d.Arrived)
}

// sendLocked sends a frame that came at a time, or could be sent only then.
func (o *slot) sendLocked(d stream.Delivery, came time.Time) error {
	if !o.output.Codec.IntraOnly() {
		return o.fragmentLocked(d)
	}
	o.pictureLocked(d, came)
	return nil
}

// pictureLocked sends a picture, unless the client wants fewer.
func (o *slot) pictureLocked(d stream.Delivery, came time.Time) {
	if o.interval > 0 {
		if came.Before(o.due.Add(-d.Duration / 2)) {
			o.pending, o.early = &d, true
			return
		}
		if o.due = o.due.Add(o.interval); o.due.Before(came) {
			o.due = came.Add(o.interval)
		}
	}
	if d.Width != o.width || d.Height != o.height || o.sent == 0 {
		o.width, o.height = d.Width, d.Height
		o.announceLocked(d, "image/jpeg")
	}
	o.frameLocked(framePicture, flagKey, d, 0, d.Payload)
}

// fragmentLocked sends an access unit, and before it an init segment if the client needs one.
func (o *slot) fragmentLocked(d stream.Delivery) error {
	if d.Params != o.params && d.Key {
		init, err := mp4.Init(d.Packet)
		if err != nil {
			return err
		}
		o.params = d.Params
		o.announceLocked(d, mp4.MIME(d.Packet))
		skipped := o.skipped
		o.skipped = false // the fragment tells
		o.frameLocked(frameInit, 0, d, 0, init)
		if o.skipped = skipped; !o.open() {
			o.pending = &d
			return nil
		}
	}
	fragment, err := mp4.Fragment(d.Packet)
	if err != nil {
		return err
	}
	decode := o.times.Next(fmp4.Frame{
		PTS: d.PTS, Epoch: d.Epoch, Duration: d.Duration, Skipped: d.Skipped > 0, Preroll: d.Preroll,
	})
	o.moof = fragment.AppendMoof(o.moof[:0], decode)
	var flags byte
	if d.Key {
		flags |= flagKey
	}
	if d.Preroll {
		flags |= flagHistory
	}
	o.frameLocked(frameFragment, flags, d, fmp4.Micros(decode), o.moof, fragment.Mdat)
	return nil
}

func (o *slot) announceLocked(d stream.Delivery, mime string) {
	o.conn.sendLocked(watching{"watching", o.number, o.output.SlotKind, o.camera, d.Width, d.Height, mime})
}

// frameLocked sends a frame and counts it. The count comes first: the acknowledgement may be here before the write
// returns.
func (o *slot) frameLocked(kind, flags byte, d stream.Delivery, media int64, payload ...[]byte) {
	if o.skipped {
		flags |= flagSkipped
	}
	o.skipped = false
	for _, p := range payload {
		o.guest.Sent().Add(int64(len(p)))
	}
	o.mu.Lock()
	o.sent++
	o.mu.Unlock()
	o.conn.sendFrameLocked(header{kind, flags, o.number, d.Seq, d.CaptureTime, d.Arrived, media}, payload...)
}

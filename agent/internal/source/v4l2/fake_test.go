package v4l2

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/agent/internal/source"
	"github.com/bramble-cam/bramble/agent/internal/source/v4l2/device"
	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/drop"
)

// fakeHost has one camera, which plays a script. Its monotonic clock begins at an hour and follows the buffers' times.
type fakeHost struct {
	tb testing.TB

	// Set before Run.
	about     device.Description
	described error                                 // of Describe
	refuse    error                                 // of Open
	give      func(device.Config) device.Negotiated // nil: what was asked for
	buffers   []device.Buffer                       // what a Run delivers
	before    func(i int)                           // called before buffer i, in Run's goroutine
	// what Run fails with behind the last buffer; nil: it waits for its context
	ends     error
	rejects  map[string]error                  // what SetControl fails with, by name
	keyError error                             // of RequestKeyFrame
	closing  error                             // of Close
	onSet    func(h *fakeHost, c change)       // called by SetControl, with mu held
	last     func()                            // called behind the last buffer, in Run's goroutine
	arrival  func(device.Buffer) time.Duration // when a buffer arrives; nil: 1 ms after its time

	mu        sync.Mutex
	clock     time.Duration
	asked     []device.Config
	open      int
	describes int
	sets      []change
	keys      int
}

const hour = time.Hour

func newFakeHost(tb testing.TB, pixels ...device.PixelFormat) *fakeHost {
	h := &fakeHost{tb: tb, clock: hour, about: device.Description{Node: "/dev/video0", Card: "Fake", Driver: "fake",
		Capture: true}}
	for _, p := range pixels {
		h.about.Formats = append(h.about.Formats, device.Format{Pixel: p})
	}
	return h
}

func (h *fakeHost) host() host {
	return host{
		describe: func(string) (device.Description, error) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.describes++
			about := h.about
			about.Controls = slices.Clone(about.Controls)
			return about, h.described
		},
		open: h.openCamera,
		now: func() time.Duration {
			h.mu.Lock()
			defer h.mu.Unlock()
			return h.clock
		},
		wall: func(mono time.Duration) time.Time { return time.Unix(1_700_000_000, 0).Add(mono - hour) },
	}
}

func (h *fakeHost) openCamera(c device.Config) (captureDevice, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked = append(h.asked, c)
	if h.refuse != nil {
		return nil, h.refuse
	}
	if h.open++; h.open > 1 {
		h.tb.Error("the camera was opened twice at once")
	}
	given := device.Negotiated{Pixel: c.Pixel, Width: c.Width, Height: c.Height, FPS: c.FPS}
	if h.give != nil {
		given = h.give(c)
	}
	return &fakeCamera{h: h, given: given}, nil
}

// log returns what was set, in order, and how often a key frame was asked for.
func (h *fakeHost) log() (sets string, keys int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var list []string
	for _, c := range h.sets {
		list = append(list, fmt.Sprintf("%s=%d", c.name, c.value))
	}
	return strings.Join(list, " "), h.keys
}

type fakeCamera struct {
	h      *fakeHost
	given  device.Negotiated
	closed bool // guarded by h.mu
}

func (c *fakeCamera) Negotiated() device.Negotiated { return c.given }

func (c *fakeCamera) use() (done func()) {
	c.h.mu.Lock()
	if c.closed {
		c.h.tb.Error("the camera was used after its end")
	}
	return c.h.mu.Unlock
}

func (c *fakeCamera) Controls() ([]device.Control, error) {
	defer c.use()()
	return slices.Clone(c.h.about.Controls), nil
}

func (c *fakeCamera) SetControl(name string, value int64) error {
	defer c.use()()
	h := c.h
	known := find(h.about.Controls, name)
	if known == nil {
		return fmt.Errorf("%w: %q; it has %s", source.ErrNoControl, name, controlNames(h.about.Controls))
	}
	if err := h.rejects[name]; err != nil {
		return err
	}
	known.Value = value
	h.sets = append(h.sets, change{name, value})
	if h.onSet != nil {
		h.onSet(h, change{name, value})
	}
	return nil
}

func (c *fakeCamera) RequestKeyFrame() error {
	defer c.use()()
	c.h.keys++
	return c.h.keyError
}

func (c *fakeCamera) Run(ctx context.Context, take func(device.Buffer)) error {
	scratch := []byte{}
	for i, b := range c.h.buffers {
		if c.h.before != nil {
			c.h.before(i)
		}
		if ctx.Err() != nil {
			return nil
		}
		c.h.arrive(b)
		scratch = append(scratch[:0], b.Data...) // valid only during the call
		b.Data = scratch
		take(b)
		clear(scratch)
	}
	if c.h.last != nil {
		c.h.last()
	}
	if c.h.ends != nil && ctx.Err() == nil {
		return c.h.ends
	}
	<-ctx.Done()
	return nil
}

func (h *fakeHost) arrive(b device.Buffer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	at := b.Time + time.Millisecond
	if h.arrival != nil {
		at = h.arrival(b)
	}
	h.clock = max(h.clock, at)
}

func (c *fakeCamera) Close() error {
	defer c.use()()
	c.closed = true
	c.h.open--
	return c.h.closing
}

// source builds the source under test; the option warmup=0 is put in front, so that tests without interest in it see
// all frames.
func (h *fakeHost) source(options string, drops *drop.Counters) source.Source {
	h.tb.Helper()
	src, err := h.parse("/dev/video0#warmup=0s&"+options, drops)
	if err != nil {
		h.tb.Fatal(err)
	}
	return src
}

func (h *fakeHost) parse(text string, drops *drop.Counters) (source.Source, error) {
	spec, err := source.ParseSpec("porch", text)
	if err != nil {
		return nil, err
	}
	src, err := parse(spec, source.Env{Drops: drops, Log: testutil.Log(h.tb)}, h.host())
	if err == nil {
		err = spec.Err()
	}
	return src, err
}

// play runs a source until its camera has played its script, and returns copies of the frames.
func (h *fakeHost) play(src source.Source) (got []source.Frame, err error) {
	h.tb.Helper()
	ctx, cancel := context.WithTimeout(h.tb.Context(), testutil.Timeout)
	defer cancel()
	h.last = cancel
	if h.ends != nil {
		h.last = nil
	}
	err = src.Run(ctx, func(f source.Frame) {
		f.Data = bytes.Clone(f.Data)
		got = append(got, f)
	})
	if h.open != 0 {
		h.tb.Errorf("the camera was not closed: %d", h.open)
	}
	return got, err
}

// stream makes buffers of frames 33 ms apart, numbered from 7 on.
func stream(frames ...[]byte) []device.Buffer {
	var list []device.Buffer
	for i, f := range frames {
		list = append(list, device.Buffer{Data: f, Sequence: uint32(7 + i),
			Time: hour + time.Duration(i)*33*time.Millisecond})
	}
	return list
}

// same makes n buffers of one frame.
func same(n int, data []byte) []device.Buffer { return stream(slices.Repeat([][]byte{data}, n)...) }

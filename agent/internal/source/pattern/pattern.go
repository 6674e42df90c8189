// Package pattern is the source "pattern:": a test card with the camera's name and a running clock, for a start
// without a camera and for tests.
package pattern

import (
	"context"
	"fmt"
	"time"

	"github.com/bramble-cam/bramble/agent/internal/source"
	"github.com/bramble-cam/bramble/shared/frame"
)

// Bounds of the pattern source's options.
const (
	minWidth, maxWidth   = 160, 1920
	minHeight, maxHeight = 120, 1080
	maxFPS               = 60
)

// options are the settings of the test card. A zero field means its default.
type options struct {
	Width, Height int // in pixels, even, 160x120 to 1920x1080; default 1280x720
	FPS           int // frames per second, 1 to 60; default 15
	Quality       int // JPEG quality, 1 to 100; default 80
}

func (o options) withDefaults() options {
	if o.Width == 0 && o.Height == 0 {
		o.Width, o.Height = 1280, 720
	}
	if o.FPS == 0 {
		o.FPS = 15
	}
	if o.Quality == 0 {
		o.Quality = 80
	}
	return o
}

func (o options) validate() error {
	w := min(max(o.Width, minWidth), maxWidth) &^ 1
	h := min(max(o.Height, minHeight), maxHeight) &^ 1
	switch {
	case w != o.Width || h != o.Height:
		return fmt.Errorf("pattern: size %dx%d: width and height must be even and from %dx%d to %dx%d; the nearest "+
			"is size=%dx%d",
			o.Width, o.Height, minWidth, minHeight, maxWidth, maxHeight, w, h)
	case o.FPS < 1 || o.FPS > maxFPS:
		return fmt.Errorf("pattern: fps %d: set it from 1 to %d", o.FPS, maxFPS)
	case o.Quality < 1 || o.Quality > 100:
		return fmt.Errorf("pattern: quality %d: set it from 1 to 100", o.Quality)
	}
	return nil
}

// testCard is the source. The clock is also burned in for machines (internal/testpattern/timecode). A frame costs
// little more than copying it, see mosaic.go.
type testCard struct {
	opts options
	card *card // owned by Run
}

// New is the source.Factory.
func New(spec source.Spec, _ source.Env) (source.Source, error) {
	if spec.Target != "" {
		return nil, fmt.Errorf("nothing may stand between pattern: and #, but %q does", spec.Target)
	}
	width, height := spec.Size("size", 0, 0)
	t, err := newTestCard(spec.Camera, options{
		Width: width, Height: height,
		FPS:     spec.Int("fps", 0, 1, maxFPS),
		Quality: spec.Int("quality", 0, 1, 100),
	})
	if err != nil {
		return nil, err // no nil pointer in an interface
	}
	return t, nil
}

// newTestCard prepares the test card of the camera with the given name. The name also gives the card its colors.
func newTestCard(name string, opts options) (*testCard, error) {
	opts = opts.withDefaults()
	if err := opts.validate(); err != nil {
		return nil, err
	}
	card, err := newCard(name, opts)
	if err != nil {
		return nil, fmt.Errorf("pattern: %w", err)
	}
	return &testCard{opts: opts, card: card}, nil
}

// Kind implements source.Source.
func (p *testCard) Kind() string { return "pattern" }

// Format implements source.Source.
func (p *testCard) Format() frame.Format { return frame.JPEG }

// Run implements source.Source. Frame n is due n/FPS after the start, and that is its PTS. A frame that is overdue
// when the sink returns is skipped, so that the card is never drawn faster than FPS to catch up. Calls must not
// overlap.
func (p *testCard) Run(ctx context.Context, sink source.Sink) error {
	start := time.Now()
	due := time.NewTimer(0)
	defer due.Stop()
	for n := int64(0); ; {
		select {
		case <-ctx.Done():
			return nil
		case <-due.C:
		}
		now := time.Now()
		data, err := p.card.jpeg(now, n)
		if err != nil {
			return fmt.Errorf("pattern: %w", err)
		}
		sink(source.Frame{Data: data, PTS: p.pts(n), Captured: now, Width: p.opts.Width, Height: p.opts.Height})
		n = max(n+1, p.frameAt(time.Since(start)))
		due.Reset(time.Until(start.Add(p.pts(n))))
	}
}

// pts is when frame n is due.
func (p *testCard) pts(n int64) time.Duration {
	fps := int64(p.opts.FPS)
	return time.Duration(n/fps)*time.Second + time.Duration(n%fps)*time.Second/time.Duration(fps)
}

// frameAt is the newest frame that is due after d.
func (p *testCard) frameAt(d time.Duration) int64 {
	return int64(d/time.Second)*int64(p.opts.FPS) + int64(d%time.Second)*int64(p.opts.FPS)/int64(time.Second)
}

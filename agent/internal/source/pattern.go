package source

import (
	"context"
	"fmt"
	"time"

	"github.com/bramble-cam/bramble/shared/frame"
)

// Bounds of the pattern source's options.
const (
	patternMinWidth, patternMaxWidth   = 160, 1920
	patternMinHeight, patternMaxHeight = 120, 1080
	patternMaxFPS                      = 60
)

// PatternOptions are the settings of the test card. A zero field means its default.
type PatternOptions struct {
	Width, Height int // in pixels, even, 160x120 to 1920x1080; default 1280x720
	FPS           int // frames per second, 1 to 60; default 15
	Quality       int // JPEG quality, 1 to 100; default 80
}

func (o PatternOptions) withDefaults() PatternOptions {
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

func (o PatternOptions) validate() error {
	w := min(max(o.Width, patternMinWidth), patternMaxWidth) &^ 1
	h := min(max(o.Height, patternMinHeight), patternMaxHeight) &^ 1
	switch {
	case w != o.Width || h != o.Height:
		return fmt.Errorf("pattern: size %dx%d: width and height must be even and from %dx%d to %dx%d; the nearest is size=%dx%d",
			o.Width, o.Height, patternMinWidth, patternMinHeight, patternMaxWidth, patternMaxHeight, w, h)
	case o.FPS < 1 || o.FPS > patternMaxFPS:
		return fmt.Errorf("pattern: fps %d: set it from 1 to %d", o.FPS, patternMaxFPS)
	case o.Quality < 1 || o.Quality > 100:
		return fmt.Errorf("pattern: quality %d: set it from 1 to 100", o.Quality)
	}
	return nil
}

// Pattern is a camera that does not exist: a test card with a name, a running clock and a moving part. The clock is also
// burned in for machines (internal/testpattern/timecode). A frame costs little more than copying it, see pattern_mosaic.go.
type Pattern struct {
	opts PatternOptions
	card *patternCard // owned by Run
}

// NewPattern prepares the test card of the camera with the given name. The name also gives the card its colours.
func NewPattern(name string, opts PatternOptions) (*Pattern, error) {
	opts = opts.withDefaults()
	if err := opts.validate(); err != nil {
		return nil, err
	}
	card, err := newPatternCard(name, opts)
	if err != nil {
		return nil, fmt.Errorf("pattern: %w", err)
	}
	return &Pattern{opts: opts, card: card}, nil
}

// Kind implements Source.
func (p *Pattern) Kind() string { return "pattern" }

// Format implements Source.
func (p *Pattern) Format() frame.Format { return frame.JPEG }

// Run implements Source. Frame n is due n/FPS after the start, and that is its PTS. A frame that is overdue when the sink
// returns is skipped, so that the card is never drawn faster than FPS to catch up. Calls must not overlap.
func (p *Pattern) Run(ctx context.Context, sink Sink) error {
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
		sink(Frame{Data: data, PTS: p.pts(n), Captured: now, Width: p.opts.Width, Height: p.opts.Height})
		n = max(n+1, p.frameAt(time.Since(start)))
		due.Reset(time.Until(start.Add(p.pts(n))))
	}
}

// pts is when frame n is due.
func (p *Pattern) pts(n int64) time.Duration {
	fps := int64(p.opts.FPS)
	return time.Duration(n/fps)*time.Second + time.Duration(n%fps)*time.Second/time.Duration(fps)
}

// frameAt is the newest frame that is due after d.
func (p *Pattern) frameAt(d time.Duration) int64 {
	return int64(d/time.Second)*int64(p.opts.FPS) + int64(d%time.Second)*int64(p.opts.FPS)/int64(time.Second)
}

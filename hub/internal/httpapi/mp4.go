package httpapi

import (
	"context"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/bramble-cam/bramble/hub/internal/cameras"
	"github.com/bramble-cam/bramble/hub/internal/fmp4"
	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/codec/h264"
	"github.com/bramble-cam/bramble/internal/media"
)

// mp4 answers with fragmented MP4: an init segment, then a fragment for each access unit, from the newest key frame on. The response ends when the parameter sets change, since they
// are in the init segment.
func (s *Server) mp4(c echo.Context, cam *cameras.Camera) error {
	q := parameters{query: c.QueryParams()}
	duration := q.duration("duration", 0, 100*time.Millisecond, time.Hour)
	if q.err != nil {
		return q.err
	}
	view, d, err := s.begin(c, cam, media.H264, fmp4.ContentType)
	if err != nil {
		return err
	}
	if view.out == nil {
		return nil
	}
	init, err := stream.Cached(d.Packet, makeInit)
	var head []byte
	if err == nil {
		head, err = fmp4.WithEditList(init, uint64(fmp4.Ticks(d.JoinPoint.PTS-d.PTS)))
	}
	if err != nil {
		s.end(view)
		return err
	}
	w := mp4Viewer{viewing: view, params: d.Params, limit: duration}
	s.attend(view, func() {
		if duration > 0 { // a clip must end, even if the camera dies meanwhile
			var cancel context.CancelFunc
			view.ctx, cancel = context.WithTimeout(view.ctx, duration+s.times.frame)
			defer cancel()
		}
		if view.out.Write(head) == nil {
			view.show(d, w.show)
			view.run(w.show, noStill)
		}
	})
	return nil
}

// mp4Viewer is the loop of one MP4 viewer.
type mp4Viewer struct {
	*viewing
	params media.Params  // those in the init segment
	limit  time.Duration // how much the viewer wants, or 0
	times  fmp4.Timeline
	moof   []byte // reused
	begun  bool
	began  uint64 // decode time of the first frame that is not history
}

// initSegment is what Cached knows an init segment by.
type initSegment []byte

func makeInit(p *stream.Packet) (initSegment, error) { return fmp4.Init(h264Params(p.Params)) }

// h264Params returns the parameters of an H.264 packet, or nil.
func h264Params(p media.Params) *h264.ParamSets {
	sets, _ := p.(*h264.ParamSets)
	return sets
}

func makeFragment(p *stream.Packet) (*fmp4.Fragment, error) {
	return fmp4.NewFragment(p.Payload, h264Params(p.Params), p.Key, p.Duration, uint32(p.Index+1))
}

// show sends one access unit.
func (w *mp4Viewer) show(d stream.Delivery) error {
	if d.Key && d.Params != w.params {
		return errEnough
	}
	fragment, err := stream.Cached(d.Packet, makeFragment)
	if err != nil {
		return err
	}
	decode := w.times.Next(fmp4.Frame{PTS: d.PTS, Epoch: d.Epoch, Duration: d.Duration, Skipped: d.Skipped > 0, Preroll: d.Preroll})
	switch {
	case !w.begun && !d.Preroll:
		w.begun, w.began = true, decode
	case w.begun && w.limit > 0 && decode-w.began >= uint64(fmp4.Ticks(w.limit)):
		return errEnough
	}
	w.moof = fragment.AppendMoof(w.moof[:0], decode)
	w.out.TryWrite(w.moof, fragment.Mdat)
	return nil
}

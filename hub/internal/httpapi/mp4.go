package httpapi

import (
	"context"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/bramble-cam/bramble/hub/internal/fmp4"
	"github.com/bramble-cam/bramble/hub/internal/registry"
	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/shared/frame"
)

// mp4 answers with fragmented MP4: an init segment, then a fragment for each access unit, from the newest key frame on. The response ends when the parameter sets change, since they
// are in the init segment.
func (s *Server) mp4(c echo.Context, cam *registry.Camera) error {
	q := parameters{query: c.QueryParams()}
	duration := q.duration("duration", 0, 100*time.Millisecond, time.Hour)
	if q.err != nil {
		return q.err
	}
	view, d, err := s.begin(c, cam, frame.H264, fmp4.ContentType)
	if err != nil {
		return err
	}
	defer s.end(view)
	if view.out == nil {
		return nil
	}
	params := d.Params
	init, err := fmp4.Init(params, uint64(fmp4.Ticks(d.Edge.PTS-d.PTS)))
	if err != nil {
		return err
	}
	if view.out.write(init) != nil {
		return nil // the viewer is gone
	}
	if duration > 0 { // a clip must end, even if the camera dies meanwhile
		var cancel context.CancelFunc
		view.ctx, cancel = context.WithTimeout(view.ctx, duration+s.times.frame)
		defer cancel()
	}
	w := mp4Viewer{viewing: view}
	for ok := true; ok && !(d.Key && d.Params != params); d, ok = view.next() {
		if done, err := w.send(d, duration); done || err != nil {
			return err
		}
	}
	return nil
}

// mp4Viewer is the loop of one MP4 viewer.
type mp4Viewer struct {
	*viewing
	times fmp4.Timeline
	moof  []byte // reused
	begun bool
	began uint64 // decode time of the first frame that is not history
}

func makeFragment(f *stream.Frame) (*fmp4.Fragment, error) {
	return fmp4.NewFragment(f.Payload, f.Params, f.Key, f.Duration, uint32(f.Index+1))
}

// send sends one access unit. done is true when the viewer has gone, or has all that it asked for: limit is how much that is, or 0.
func (w *mp4Viewer) send(d stream.Delivery, limit time.Duration) (done bool, err error) {
	fragment, err := stream.Made(d.Frame, stream.Fragment, makeFragment)
	if err != nil {
		return true, err
	}
	decode := w.times.Next(fmp4.Frame{PTS: d.PTS, Epoch: d.Epoch, Duration: d.Duration, Jump: d.Skipped > 0, History: d.History})
	switch {
	case !w.begun && !d.History:
		w.begun, w.began = true, decode
	case w.begun && limit > 0 && decode-w.began >= uint64(fmp4.Ticks(limit)):
		return true, nil
	}
	w.moof = fragment.AppendMoof(w.moof[:0], decode)
	return w.out.write(w.moof, fragment.Mdat) != nil, nil
}

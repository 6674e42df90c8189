package httpapi

import (
	"errors"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/bramble-cam/bramble/hub/internal/cameras"
	"github.com/bramble-cam/bramble/hub/internal/mpjpeg"
	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/media"
)

// mjpeg answers with every picture as it comes, the last one again once a second while nothing comes, and a placeholder when the camera is gone.
func (s *Server) mjpeg(c echo.Context, cam *cameras.Camera) error {
	q := parameters{query: c.QueryParams()}
	fps := q.number("fps", 0, 0.1, 120)
	if q.err != nil {
		return q.err
	}
	c.Response().Header().Set(echo.HeaderContentType, mpjpeg.ContentType)
	if c.Request().Method == http.MethodHead {
		return c.NoContent(http.StatusOK)
	}
	v, err := s.watch(c, cam, media.JPEG)
	if err != nil {
		return err
	}
	view, err := s.open(c, v)
	if err != nil {
		return err
	}
	m := &mjpegViewer{viewing: view, came: time.Now(), patience: s.times.placeholder, pictures: s.placeholders.of(cam)}
	if fps > 0 {
		m.interval = time.Duration(float64(time.Second) / fps)
	}
	s.attend(view, func() { m.loop(cam) })
	return nil
}

// mjpegViewer is the loop of one MJPEG viewer.
type mjpegViewer struct {
	*viewing
	pictures func() part   // placeholders
	patience time.Duration // how long the last picture may stand still: a frozen picture must not look live
	last     part          // what the viewer sees
	came     time.Time     // when the camera's last picture came

	// With a limited rate.
	interval time.Duration
	due      time.Time      // when the next picture should be sent
	waiting  *stream.Packet // the newest picture, if it was too early for the viewer
}

// part is one part of the response: headers and picture.
type part struct{ header, picture []byte }

func makePart(f *stream.Packet) (part, error) {
	return part{mpjpeg.PartHeader(nil, len(f.Payload), f.CaptureTime), f.Payload}, nil
}

func (m *mjpegViewer) loop(cam *cameras.Camera) {
	if m.out.Write(mpjpeg.Preamble) != nil {
		return
	}
	if cam.Offline() != nil {
		m.came = time.Time{} // nothing will come soon: say so at once
	}
	switch first, err := m.viewer.Next(m.ctx, 0); { // the newest picture is most likely in memory
	case err == nil:
		m.viewing.show(first, m.show)
	case errors.Is(err, stream.ErrTimeout):
		m.err = m.still()
	default:
		return
	}
	m.run(m.show, m.still)
}

// show sends a picture, unless the viewer wants fewer.
func (m *mjpegViewer) show(d stream.Delivery) error {
	m.came = d.Arrived
	if m.interval > 0 {
		if d.Arrived.Before(m.due.Add(-d.Duration / 2)) {
			m.waiting = d.Packet
			return nil
		}
		if m.due = m.due.Add(m.interval); m.due.Before(d.Arrived) {
			m.due = d.Arrived.Add(m.interval)
		}
	}
	p, err := stream.Cached(d.Packet, makePart)
	if err != nil {
		return err
	}
	m.send(p)
	return nil
}

// still keeps the viewer's picture up while none comes.
func (m *mjpegViewer) still() error {
	now := time.Now()
	if now.Before(m.due) {
		return nil // it is not the camera that is slow
	}
	p := m.last
	switch {
	case now.Sub(m.came) >= m.patience:
		p = m.pictures()
	case m.waiting != nil:
		var err error
		if p, err = stream.Cached(m.waiting, makePart); err != nil {
			return err
		}
	}
	if p.picture == nil {
		return nil
	}
	m.due = now.Add(m.interval)
	m.send(p)
	return nil
}

func (m *mjpegViewer) send(p part) {
	m.last, m.waiting = p, nil
	m.out.TryWrite(p.header, p.picture, mpjpeg.Tail)
}

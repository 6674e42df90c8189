package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/bramble-cam/bramble/hub/internal/cameras"
	"github.com/bramble-cam/bramble/hub/internal/problem"
	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/hub/internal/webauth"
	"github.com/bramble-cam/bramble/internal/media"
)

// extensions maps the end of a camera's URL to the format a stream must have to serve it.
var extensions = map[string]media.Codec{
	"jpeg":  media.JPEG,
	"mjpeg": media.JPEG,
	"h264":  media.H264,
	"mp4":   media.H264,
}

// camera answers /cam/<id>, which is a page, and /cam/<id>.<extension>, which is the camera.
func (s *Server) camera(c echo.Context) error {
	id, ext, dotted := strings.Cut(c.Param("camera"), ".")
	if ext == "jpg" {
		ext = "jpeg"
	}
	if err := s.cameras.ValidateID(webauth.PrincipalFrom(c), id); err != nil {
		return err
	}
	if !dotted {
		return s.page(c)
	}
	if _, ok := extensions[ext]; !ok {
		return problem.Newf(http.StatusNotFound, "a camera has no .%s: there are .jpeg, .mjpeg, .h264 and .mp4", cut(ext))
	}
	cam, err := s.cameras.Lookup(webauth.PrincipalFrom(c), id)
	if err != nil {
		return err
	}
	return s.serve(c, cam, ext)
}

// serve answers with a camera in the format of an extension.
func (s *Server) serve(c echo.Context, cam *cameras.Camera, ext string) error {
	want, err := wanted(c, extensions[ext])
	if err == nil {
		err = s.cfg.Transcoder.Check(cam, want)
	}
	if err != nil {
		return err
	}
	g, err := s.letIn(c, cam.ID(), ext)
	if err != nil {
		return err
	}
	defer func() {
		if !g.detached {
			s.tracker.Remove(g.Viewer)
		}
	}()
	switch ext {
	case "jpeg":
		return s.jpeg(c, cam)
	case "mjpeg":
		return s.mjpeg(c, cam)
	case "h264":
		return s.h264(c, cam)
	}
	return s.mp4(c, cam)
}

// defaultMaxAge is how old a picture may be if the request does not say.
const defaultMaxAge = 5 * time.Second

// jpeg answers with the newest picture.
func (s *Server) jpeg(c echo.Context, cam *cameras.Camera) error {
	q := parameters{query: c.QueryParams()}
	maxAge := q.duration("max_age", defaultMaxAge, 0, time.Hour)
	want := q.rendition(media.JPEG)
	if q.err != nil {
		return q.err
	}
	f, err := s.cfg.Transcoder.Still(c.Request().Context(), cam, want, maxAge, s.times.frame,
		shareOf(webauth.PrincipalFrom(c), s.cfg.Proxies.ClientAddr(c.Request()), cam))
	if err != nil {
		return err
	}
	h := c.Response().Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Timestamp", unixSeconds(f.CaptureTime))
	h.Set("X-Age", strconv.FormatFloat(time.Since(f.Arrived).Seconds(), 'f', 3, 64))
	h.Set(echo.HeaderContentLength, strconv.Itoa(len(f.Payload)))
	if g, ok := c.Get(viewerKey).(*admitted); ok && c.Request().Method != http.MethodHead {
		g.Sent().Add(int64(len(f.Payload)))
	}
	_ = c.Blob(http.StatusOK, "image/jpeg", f.Payload) // the viewer is gone, or too slow
	return nil
}

// begin waits for the first frame of a stream, so that a camera which gives none is answered with an error, and opens the response. A HEAD request
// gets the headers alone: then out is nil. Call end.
func (s *Server) begin(c echo.Context, cam *cameras.Camera, f media.Codec, contentType string) (*viewing, stream.Delivery, error) {
	none := stream.Delivery{}
	if why := cam.Offline(); why != nil {
		return nil, none, fmt.Errorf("%w: %w", cameras.ErrOffline, why)
	}
	c.Response().Header().Set(echo.HeaderContentType, contentType)
	if c.Request().Method == http.MethodHead {
		return &viewing{}, none, c.NoContent(http.StatusOK)
	}
	v, err := s.watch(c, cam, f)
	if err != nil {
		return nil, none, err
	}
	ctx := c.Request().Context()
	first, err := v.Next(ctx, s.times.frame)
	if errors.Is(err, stream.ErrTimeout) {
		err = &cameras.NoFrameError{What: "frame", Wait: s.times.frame, Reason: v.Reason()}
	}
	if err != nil {
		v.Close()
		return nil, none, err
	}
	view, err := s.open(c, v)
	return view, first, err
}

// unixSeconds formats t as other camera servers do: seconds since 1970 with microseconds.
func unixSeconds(t time.Time) string {
	return fmt.Sprintf("%d.%06d", t.Unix(), t.Nanosecond()/1000)
}

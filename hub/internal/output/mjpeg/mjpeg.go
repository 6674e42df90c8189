// Package mjpeg serves every picture of a camera as multipart/x-mixed-replace, the MJPEG that browsers show.
package mjpeg

import (
	_ "embed" // openapi.yaml
	"errors"
	"net/http"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/cameras"
	"github.com/bramble-cam/bramble/hub/internal/mpjpeg"
	"github.com/bramble-cam/bramble/hub/internal/output"
	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/media"
)

//go:embed openapi.yaml
var openAPI string

// Output is the output "mjpeg".
type Output struct {
	placeholders *placeholders
}

// New returns the output.
func New() Output { return Output{newPlaceholders()} }

// Spec implements output.Output.
func (Output) Spec() output.Spec {
	return output.Spec{
		Name: "mjpeg", Codec: media.JPEG, ContentType: mpjpeg.ContentType, SlotKind: "jpeg",
		Label: "MJPEG: for <img>, OctoPrint, Home Assistant", Element: "img", OpenAPI: openAPI,
	}
}

// Serve implements output.HTTPOutput. It sends every picture as it comes, repeats the last one while none comes, and
// sends a placeholder when the camera is offline.
func (o Output) Serve(w http.ResponseWriter, r *http.Request, x *output.Exchange) error {
	if x.AnswerHead(w, r) {
		return nil
	}
	sub, err := x.Subscribe(r.Context())
	if err != nil {
		return err
	}
	s, err := x.Open(w, r, sub)
	if err != nil {
		return err
	}
	v := &viewer{
		session: s, arrived: time.Now(), patience: x.Timing().Placeholder, placeholder: o.placeholders.of(x.Camera),
	}
	if fps := x.Request.Want.FPS; fps > 0 {
		v.interval = time.Duration(float64(time.Second) / fps)
	}
	cam := x.Camera
	s.Run(func() { v.loop(cam) })
	return nil
}

// viewer is the state of one response.
type viewer struct {
	session     *output.Session
	placeholder func() part
	patience    time.Duration // how long the last picture may stand still: a frozen picture must not look live
	last        part          // what the client shows
	arrived     time.Time     // when the camera's last picture arrived

	// With a limited rate.
	interval time.Duration
	due      time.Time      // when the next picture should be sent
	waiting  *stream.Packet // the newest picture, if it was too early for the client
}

// part is one part of the response: headers and picture.
type part struct{ header, picture []byte }

func makePart(p *stream.Packet) (part, error) {
	return part{mpjpeg.PartHeader(nil, len(p.Payload), p.CaptureTime), p.Payload}, nil
}

func (v *viewer) loop(cam *cameras.Camera) {
	s := v.session
	if s.Out.Write(mpjpeg.Preamble) != nil {
		return
	}
	if cam.Offline() != nil {
		v.arrived = time.Time{} // nothing will come soon: show that at once
	}
	switch first, err := s.Sub.Next(s.Context(), 0); { // the newest picture is most likely in memory
	case err == nil:
		s.Send(first, v.send)
	case errors.Is(err, stream.ErrTimeout):
		s.Fail(v.idle())
	default:
		return
	}
	s.Deliver(v.send, v.idle)
}

// send sends a picture, unless the client wants fewer.
func (v *viewer) send(d stream.Delivery) error {
	v.arrived = d.Arrived
	if v.interval > 0 {
		if d.Arrived.Before(v.due.Add(-d.Duration / 2)) {
			v.waiting = d.Packet
			return nil
		}
		if v.due = v.due.Add(v.interval); v.due.Before(d.Arrived) {
			v.due = d.Arrived.Add(v.interval)
		}
	}
	p, err := stream.Cached(d.Packet, makePart)
	if err != nil {
		return err
	}
	v.write(p)
	return nil
}

// idle keeps the client's picture up while none comes.
func (v *viewer) idle() error {
	now := time.Now()
	if now.Before(v.due) {
		return nil // the camera is not slow
	}
	p := v.last
	switch {
	case now.Sub(v.arrived) >= v.patience:
		p = v.placeholder()
	case v.waiting != nil:
		var err error
		if p, err = stream.Cached(v.waiting, makePart); err != nil {
			return err
		}
	}
	if p.picture == nil {
		return nil
	}
	v.due = now.Add(v.interval)
	v.write(p)
	return nil
}

func (v *viewer) write(p part) {
	v.last, v.waiting = p, nil
	v.session.Out.TryWrite(p.header, p.picture, mpjpeg.Tail)
}

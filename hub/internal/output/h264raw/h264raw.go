// Package h264raw serves a camera as a raw H.264 byte stream in Annex B form.
package h264raw

import (
	_ "embed" // openapi.yaml
	"net/http"

	"github.com/bramble-cam/bramble/hub/internal/output"
	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/media"
)

//go:embed openapi.yaml
var openAPI string

// Output is the output "h264".
type Output struct{}

// New returns the output.
func New() Output { return Output{} }

// Spec implements output.Output.
func (Output) Spec() output.Spec {
	return output.Spec{
		Name: "h264", Codec: media.H264, ContentType: "video/h264",
		Label: "H.264: for VLC, ffmpeg, Frigate", OpenAPI: openAPI,
	}
}

// Serve implements output.HTTPOutput. It sends the access units as they are, from SPS, PPS and IDR on. The response
// ends when the parameter sets change: a player that connects again gets the new ones first.
func (Output) Serve(w http.ResponseWriter, r *http.Request, x *output.Exchange) error {
	sub, first, err := x.SubscribeLive(w, r)
	if err != nil || sub == nil {
		return err
	}
	s, err := x.Open(w, r, sub)
	if err != nil {
		return err
	}
	params := first.Params
	send := func(d stream.Delivery) error {
		if d.Key && d.Params != params {
			return output.ErrComplete
		}
		s.Out.TryWrite(d.Payload)
		return nil
	}
	s.Run(func() {
		s.Send(first, send)
		s.Deliver(send, output.NoIdleFrame)
	})
	return nil
}

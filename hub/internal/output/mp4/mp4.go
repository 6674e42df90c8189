// Package mp4 serves a camera as fragmented MP4: an init segment, then a fragment for each access unit.
package mp4

import (
	_ "embed" // openapi.yaml
	"net/http"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/fmp4"
	"github.com/bramble-cam/bramble/hub/internal/output"
	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/media"
)

//go:embed openapi.yaml
var openAPI string

// Output is the output "mp4".
type Output struct{}

// New returns the output.
func New() Output { return Output{} }

// Spec implements output.Output.
func (Output) Spec() output.Spec {
	return output.Spec{
		Name: "mp4", Codec: media.H264, ContentType: fmp4.ContentType, Parameters: []string{output.ParamDuration},
		SlotKind: "mp4",
		Label:    "MP4: for <video> and downloads", Element: "video", OpenAPI: openAPI,
	}
}

// Serve implements output.HTTPOutput. The stream begins at the newest key frame. The response ends when the parameter
// sets change, because they are in the init segment.
func (Output) Serve(w http.ResponseWriter, r *http.Request, x *output.Exchange) error {
	sub, first, err := x.SubscribeLive(w, r)
	if err != nil || sub == nil {
		return err
	}
	var head []byte
	init, err := Init(first.Packet)
	if err == nil {
		head, err = fmp4.WithEditList(init, ticks(first.JoinPoint.PTS-first.PTS))
	}
	if err != nil {
		sub.Close()
		return err
	}
	s, err := x.Open(w, r, sub)
	if err != nil {
		return err
	}
	limit := x.Request.Duration
	if limit > 0 { // a clip must end, even if the camera goes offline meanwhile
		s.SetTimeout(limit + x.Timing().FirstFrame)
	}
	v := &viewer{session: s, params: first.Params, limit: limit}
	s.Run(func() {
		if s.Out.Write(head) == nil {
			s.Send(first, v.send)
			s.Deliver(v.send, output.NoIdleFrame)
		}
	})
	return nil
}

// viewer is the state of one response.
type viewer struct {
	session *output.Session
	params  media.Params  // those in the init segment
	limit   time.Duration // how much the client wants, or 0
	times   fmp4.Timeline
	moof    []byte // reused
	begun   bool
	began   uint64 // decode time of the first frame that is not preroll
}

// InitSegment is the init segment of viewers that begin at a packet. All viewers share it.
type InitSegment []byte

// Init returns the init segment of a packet.
func Init(p *stream.Packet) (InitSegment, error) { return stream.Cached(p, makeInit) }

// Fragment returns the fragment of a packet. All viewers share it.
func Fragment(p *stream.Packet) (*fmp4.Fragment, error) { return stream.Cached(p, makeFragment) }

func makeInit(p *stream.Packet) (InitSegment, error) { return fmp4.Init(track(p)) }

// track returns the track of a packet, with the parameters in force.
func track(p *stream.Packet) media.Track {
	return media.Track{
		ID: p.Track, Codec: media.H264, ClockRate: media.VideoClockRate, Params: p.Params, Width: p.Width, Height: p.Height,
	}
}

// MIME returns the type of a file that begins at a packet, as Media Source Extensions want it.
func MIME(p *stream.Packet) string { return fmp4.MIME(track(p)) }

func makeFragment(p *stream.Packet) (*fmp4.Fragment, error) {
	return fmp4.NewFragment(uint32(p.Index+1), fmp4.Sample{ //nolint:gosec // sequence numbers may wrap
		Track: p.Track, Payload: p.Payload, Params: p.Params, Key: p.Key, Duration: p.Duration,
	})
}

// ticks returns a duration, which is not negative, in ticks.
func ticks(d time.Duration) uint64 { return uint64(fmp4.Ticks(d)) } //nolint:gosec // not negative

// send sends one access unit.
func (v *viewer) send(d stream.Delivery) error {
	if d.Key && d.Params != v.params {
		return output.ErrComplete
	}
	fragment, err := Fragment(d.Packet)
	if err != nil {
		return err
	}
	decode := v.times.Next(fmp4.Frame{
		PTS: d.PTS, Epoch: d.Epoch, Duration: d.Duration, Skipped: d.Skipped > 0, Preroll: d.Preroll,
	})
	switch {
	case !v.begun && !d.Preroll:
		v.begun, v.began = true, decode
	case v.begun && v.limit > 0 && decode-v.began >= ticks(v.limit):
		return output.ErrComplete
	}
	v.moof = fragment.AppendMoof(v.moof[:0], decode)
	v.session.Out.TryWrite(v.moof, fragment.Mdat)
	return nil
}

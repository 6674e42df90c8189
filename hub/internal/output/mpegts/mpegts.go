// Package mpegts serves a camera as an MPEG transport stream (ISO/IEC 13818-1) with H.264 video.
package mpegts

import (
	_ "embed" // openapi.yaml
	"net/http"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/output"
	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/media"
)

//go:embed openapi.yaml
var openAPI string

// tableInterval is how often a client gets the tables at least, by the time of the video. They come with each key frame
// too.
const tableInterval = 400 * time.Millisecond

// Output is the output "ts".
type Output struct{}

// New returns the output.
func New() Output { return Output{} }

// Spec implements output.Output.
func (Output) Spec() output.Spec {
	return output.Spec{
		Name: "ts", Codec: media.H264, ContentType: "video/mp2t",
		Label: "MPEG-TS: for VLC, ffmpeg, go2rtc", OpenAPI: openAPI,
	}
}

// Serve implements output.HTTPOutput. The stream begins at the newest key frame. Like the other video outputs, the
// response ends when the parameter sets change.
func (Output) Serve(w http.ResponseWriter, r *http.Request, x *output.Exchange) error {
	sub, first, err := x.SubscribeLive(w, r)
	if err != nil || sub == nil {
		return err
	}
	tables, err := makeTables()
	if err != nil {
		sub.Close()
		return err
	}
	s, err := x.Open(w, r, sub)
	if err != nil {
		return err
	}
	v := &viewer{session: s, tables: tables, params: first.Params, epoch: first.Epoch}
	s.Run(func() {
		s.Send(first, v.send)
		s.Deliver(v.send, output.NoIdleFrame)
	})
	return nil
}

// viewer is the state of one response.
type viewer struct {
	session  *output.Session
	tables   []byte
	params   media.Params // at the first packet
	epoch    int64        // of the last packet
	tablesAt time.Duration
	begun    bool
	counters counters
	buf      []byte // reused
}

// send sends one access unit. It copies the shared packets, because each of them holds the client's continuity counter.
func (v *viewer) send(d stream.Delivery) error {
	if d.Key && d.Params != v.params {
		return output.ErrComplete
	}
	unit, err := stream.Cached(d.Packet, makeAccessUnit)
	if err != nil {
		return err
	}
	v.buf = v.buf[:0]
	if since := d.PTS - v.tablesAt; !v.begun || d.Key || since >= tableInterval || since < 0 {
		v.buf = append(v.buf, v.tables...)
		v.tablesAt = d.PTS
	}
	video := len(v.buf)
	v.buf = append(v.buf, unit...)
	if v.begun && (d.Skipped > 0 || d.Epoch != v.epoch) {
		markDiscontinuity(v.buf[video:])
	}
	v.begun, v.epoch = true, d.Epoch
	v.counters.number(v.buf)
	v.session.Out.TryWrite(v.buf)
	return nil
}

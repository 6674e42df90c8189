package ingest

import (
	"errors"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/shared/drop"
	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/h264"
	"github.com/bramble-cam/bramble/shared/jpegscan"
)

// maxPending is the largest message that may wait for its turn: a frame with its headers.
const maxPending = frame.MaxPayload + 4096

// feed turns one camera's messages into frames of its stream. Its handle is called by one goroutine of nats.go.
type feed struct {
	into    *stream.Stream
	faults  *faultLog
	subject string
	norm    h264.Normalizer
}

// handle takes in one message. nats.go has made msg.Data for us alone: it goes into the ring without a copy.
func (f *feed) handle(msg *nats.Msg) {
	fr, err := frame.Decode(f.into.Format(), frame.Header(msg.Header), msg.Data)
	if errors.Is(err, frame.ErrNoPayload) {
		return // a probe
	}
	item := &stream.Frame{Frame: fr}
	if err == nil {
		err = f.inspect(item)
	}
	if err != nil {
		f.into.Drops.Add(drop.Decode, 1)
		f.faults.report(f.subject, err)
		return
	}
	f.into.Append(item)
}

// inspect checks the payload and fills in what it says of itself: an agent's word is not taken for it.
func (f *feed) inspect(item *stream.Frame) (err error) {
	if item.Format == frame.JPEG {
		item.Width, item.Height, err = jpegscan.Check(item.Payload)
		return err
	}
	au, info, err := f.norm.Normalize(nil, item.Payload)
	if err != nil {
		return err
	}
	item.Payload, item.Key = au, info.Key
	item.Width, item.Height, item.Params = info.Width, info.Height, info.Params
	return nil
}

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

const (
	// maxPending is the largest message that may wait for its turn: a frame with its headers.
	maxPending = frame.MaxPayload + 4096

	// maxWaiting is how many messages of one camera may wait. What waits is already late: a second or two of frames at most.
	maxWaiting = 64
)

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
	switch {
	case errors.Is(err, frame.ErrNoPayload): // a probe
		return
	case err != nil: // not even its number can be trusted
		f.into.Drops.Add(drop.Decode, 1)
		f.faults.report(f.subject, err)
		return
	case f.into.Stale(&fr): // before its parameter sets could replace those of the run that is followed
		return
	}
	item := &stream.Frame{Frame: fr}
	err = f.inspect(item)
	switch {
	case err == nil:
		f.into.Append(item)
	case errors.Is(err, h264.ErrNoPicture):
		f.into.Pass(&fr)
	default:
		f.into.Refuse(&fr)
		f.faults.report(f.subject, err)
	}
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

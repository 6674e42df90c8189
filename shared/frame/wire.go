package frame

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/bramble-cam/bramble/internal/printable"
)

// maxShown bounds what an error shows of a foreign text, in bytes.
const maxShown = 32

// Header names of a frame message, version 1 of the wire protocol. They are case-sensitive.
const (
	HeaderSeq   = "Cam-Seq"   // decimal, uint64
	HeaderPTS   = "Cam-Pts"   // decimal, microseconds since the start of the epoch
	HeaderTime  = "Cam-Time"  // decimal, Unix nanoseconds of capture
	HeaderEpoch = "Cam-Epoch" // decimal, Unix nanoseconds of the start of this run of the stream
	HeaderKey   = "Cam-Key"   // "1" on an access unit that decodes alone, else absent
)

// Header is a NATS message header. nats.Header converts to it and back without a copy.
type Header = map[string][]string

// ErrNoPayload means that the message has no payload. It is an agent's probe for interest; a consumer ignores it.
var ErrNoPayload = errors.New("message without payload (a probe)")

// ErrOversize means that the payload is larger than MaxPayload.
var ErrOversize = fmt.Errorf("payload larger than %d bytes", MaxPayload)

// HeaderError reports a header that is missing or malformed.
type HeaderError struct {
	Name  string
	Value string // cut to 32 bytes; empty if the header is missing
	Err   error
}

func (e *HeaderError) Error() string {
	if e.Value == "" {
		return fmt.Sprintf("header %s: %v", e.Name, e.Err)
	}
	return fmt.Sprintf("header %s=%q: %v", e.Name, e.Value, e.Err)
}

// Unwrap returns the cause.
func (e *HeaderError) Unwrap() error { return e.Err }

var (
	errMissing   = errors.New("missing")
	errNotNumber = errors.New("not a decimal number in range")
	errKeyValue  = errors.New(`only "1" is allowed`)
)

// Encode writes the headers of f into h. It replaces those of an earlier call, so an agent can reuse one header per
// stream.
func Encode(h Header, f *Frame) {
	set(h, HeaderSeq, strconv.FormatUint(f.Seq, 10))
	set(h, HeaderPTS, strconv.FormatInt(f.PTS.Microseconds(), 10))
	set(h, HeaderTime, strconv.FormatInt(f.CaptureTime.UnixNano(), 10))
	set(h, HeaderEpoch, strconv.FormatInt(f.Epoch, 10))
	if f.Key {
		set(h, HeaderKey, "1")
	} else {
		delete(h, HeaderKey)
	}
}

func set(h Header, name, value string) {
	if v := h[name]; len(v) == 1 {
		v[0] = value
		return
	}
	h[name] = []string{value}
}

// Decode returns the frame of a message. The frame keeps payload, which must not change afterwards. The error is
// ErrNoPayload for a probe, a *HeaderError for a missing or malformed header, or ErrOversize. Decode does not parse the
// payload.
func Decode(format Format, h Header, payload []byte) (Frame, error) {
	f := Frame{Format: format, Payload: payload}
	if len(payload) == 0 {
		return f, ErrNoPayload
	}
	if len(payload) > MaxPayload {
		return f, ErrOversize
	}
	seq, err := number(h, HeaderSeq)
	if err != nil {
		return f, err
	}
	pts, err := number(h, HeaderPTS)
	if err != nil {
		return f, err
	}
	// time.Duration holds nanoseconds: about 292 years of microseconds.
	if pts > uint64(maxInt64/int64(time.Microsecond)) {
		return f, &HeaderError{HeaderPTS, h[HeaderPTS][0], errNotNumber}
	}
	captured, err := number(h, HeaderTime)
	if err != nil {
		return f, err
	}
	epoch, err := number(h, HeaderEpoch)
	if err != nil {
		return f, err
	}
	if captured > maxInt64 || epoch > maxInt64 {
		return f, &HeaderError{HeaderTime + " or " + HeaderEpoch, "", errNotNumber}
	}
	if v, ok := h[HeaderKey]; ok {
		if len(v) != 1 || v[0] != "1" {
			return f, &HeaderError{HeaderKey, printable.Truncate(first(v), maxShown), errKeyValue}
		}
		f.Key = format == H264
	}
	f.Seq, f.Epoch = seq, int64(epoch)
	f.PTS = time.Duration(pts) * time.Microsecond
	f.CaptureTime = time.Unix(0, int64(captured))
	return f, nil
}

const maxInt64 = 1<<63 - 1

func number(h Header, name string) (uint64, error) {
	v := first(h[name])
	if v == "" {
		return 0, &HeaderError{Name: name, Err: errMissing}
	}
	n, err := strconv.ParseUint(v, 10, 64)
	if err != nil {
		return 0, &HeaderError{name, printable.Truncate(v, maxShown), errNotNumber}
	}
	return n, nil
}

func first(v []string) string {
	if len(v) == 0 {
		return ""
	}
	return v[0]
}

package httpapi

import (
	"net"
	"time"
)

// discard is a connection that takes everything.
type discard struct{ net.Conn }

func (discard) Write(b []byte) (int, error)      { return len(b), nil }
func (discard) SetWriteDeadline(time.Time) error { return nil }
func (discard) Close() error                     { return nil }

// vectors is a connection that keeps the slices that were written to it.
type vectors struct {
	discard
	took [][]byte
}

func (v *vectors) Write(b []byte) (int, error) {
	v.took = append(v.took, b)
	return len(b), nil
}

//go:build !linux

package connwriter

import "net"

// vectorWriter exists on Linux only. Elsewhere every write may wait, in its client's goroutine.
type vectorWriter struct{}

func newVectorWriter(net.Conn) *vectorWriter { return nil }

func (*vectorWriter) write([][]byte) int { return 0 }

// limitUnsent works on Linux only.
func limitUnsent(net.Conn, int) {}

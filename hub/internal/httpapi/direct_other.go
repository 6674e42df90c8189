//go:build !linux

package httpapi

import "net"

// directWriter is for Linux: elsewhere every write may wait, and has its viewer's goroutine.
type directWriter struct{}

func newDirectWriter(net.Conn) *directWriter { return nil }

func (*directWriter) write([][]byte) int { return 0 }

// limitUnsent is for Linux too.
func limitUnsent(net.Conn, int) {}

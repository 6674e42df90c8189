//go:build !linux

package publish

import "syscall"

// boundUnsent does nothing: only Linux has TCP_NOTSENT_LOWAT in the form that is needed.
func boundUnsent(_, _ string, _ syscall.RawConn) error { return nil }

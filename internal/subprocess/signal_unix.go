//go:build unix

package subprocess

import "golang.org/x/sys/unix"

const (
	interrupt = unix.SIGINT // what Ctrl-C sends: rpicam-vid handles no other signal
	kill      = unix.SIGKILL
)

// signal sends a signal to the child's process group. It fails when the group is empty, which is as good.
func (p *process) signal(s unix.Signal) { _ = unix.Kill(-p.cmd.Process.Pid, s) }

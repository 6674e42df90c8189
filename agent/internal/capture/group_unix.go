//go:build unix

package capture

import (
	"os/exec"
	"syscall"
)

// ownGroup puts the command into a process group of its own, so that a shell's children can be stopped with it, and a Ctrl-C at the
// terminal does not reach it before the agent does.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// interruptGroup asks the command and its children to end, as Ctrl-C would: rpicam-vid handles no other signal.
func interruptGroup(cmd *exec.Cmd) error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }

func killGroup(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // fails when the group has ended: as wanted

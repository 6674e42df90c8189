//go:build unix && !linux

package subprocess

import "syscall"

// attributes put the child into a process group of its own. Only Linux can also bind its life to the agent's.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// limit does nothing: only Linux can set another process's limits.
func limit(int, Limits) error { return nil }

// wait waits for the end of the child. Its group is killed after that, by a number that could by then belong to
// others: here nothing keeps the zombie.
func (p *process) wait() error {
	err := p.cmd.Wait()
	close(p.exited)
	<-p.reapOK
	return err
}

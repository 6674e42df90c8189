package child

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// attributes put the child into a process group of its own, so that a shell's children can be stopped with it, and a Ctrl-C at the terminal does not reach it
// before the agent does. If the agent dies, so does the child, which would hold the camera otherwise.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: unix.SIGKILL}
}

// wait waits for the end of the child, lets supervise kill what is left of its group, and only then takes the zombie away.
func (p *process) wait() error {
	for {
		err := unix.Waitid(unix.P_PID, p.cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			break // any other fault: cmd.Wait will tell
		}
	}
	close(p.died)
	<-p.reap
	return p.cmd.Wait()
}

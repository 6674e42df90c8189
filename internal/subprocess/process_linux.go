package subprocess

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// attributes put the child into a process group of its own, so that a shell's children can be stopped with it, and a
// Ctrl-C at the terminal does not reach it before the agent does. If the agent dies, so does the child, which would
// hold the camera otherwise.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: unix.SIGKILL}
}

// limit bounds a process that has just been started.
func limit(pid int, l Limits) error {
	set := func(resource int, most uint64) error {
		return os.NewSyscallError("prlimit", unix.Prlimit(pid, resource, &unix.Rlimit{Cur: most, Max: most}, nil))
	}
	err := set(unix.RLIMIT_CORE, 0)
	if l.Memory > 0 {
		err = errors.Join(err, set(unix.RLIMIT_DATA, uint64(l.Memory)))
	}
	if l.Files > 0 {
		err = errors.Join(err, set(unix.RLIMIT_NOFILE, uint64(l.Files)))
	}
	if l.NoWrites {
		err = errors.Join(err, set(unix.RLIMIT_FSIZE, 0))
	}
	// getpriority(2) of the kernel tells 20 - nice
	if now, fault := unix.Getpriority(unix.PRIO_PROCESS, pid); fault == nil && 20-now < l.Nice {
		err = errors.Join(err, os.NewSyscallError("setpriority", unix.Setpriority(unix.PRIO_PROCESS, pid, l.Nice)))
	}
	return err
}

// wait waits for the end of the child, lets supervise kill what is left of its group, and only then takes the zombie
// away.
func (p *process) wait() error {
	for {
		err := unix.Waitid(unix.P_PID, p.cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			break // any other fault: cmd.Wait will tell
		}
	}
	close(p.exited)
	<-p.reapOK
	return p.cmd.Wait()
}

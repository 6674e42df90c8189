package rpicam

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// output is the FIFO that the child writes to, if it cannot write to a pipe, and the waker of the goroutine that
// reads it.
type output struct {
	wake   *waker
	dir    string // private; "" without a FIFO, and when it has been removed
	path   string
	fifo   *os.File // to read from; nil without a FIFO
	writer *os.File // keeps the FIFO open before the child has opened it, and between its two openings
}

// openOutput makes a FIFO if the plan needs one. Its name ends in 264, so rpicam-vid takes it for an elementary
// stream and writes times.
func openOutput(p plan) (o *output, err error) {
	o = &output{}
	defer func() {
		if err != nil {
			err = errors.Join(err, o.close())
		}
	}()
	if o.wake, err = newWaker(); err != nil || !p.viaFIFO {
		return o, err
	}
	if o.dir, err = os.MkdirTemp("", "bramble-rpicam-"); err != nil {
		return o, fmt.Errorf("folder for rpicam-vid's output: %w", err)
	}
	o.path = filepath.Join(o.dir, "cam.h264")
	if strings.Contains(o.path, "%") {
		return o, fmt.Errorf("%s: rpicam-vid cannot write there, since it takes a %% for a place to put a number: "+
			"set TMPDIR to another folder", o.dir)
	}
	if err = unix.Mkfifo(o.path, 0o600); err != nil {
		return o, fmt.Errorf("mkfifo %s: %w", o.path, err)
	}
	if o.fifo, err = os.OpenFile(o.path, os.O_RDONLY|unix.O_NONBLOCK, 0); err != nil {
		return o, err
	}
	o.writer, err = os.OpenFile(o.path, os.O_WRONLY|unix.O_NONBLOCK, 0)
	return o, err
}

// drain returns the files that subprocess.Run must read to their end.
func (o *output) drain() []*os.File {
	if o.fifo == nil {
		return nil
	}
	return []*os.File{o.fifo}
}

// unlink removes the FIFO's name. It is not needed once the child has opened it, and so nothing is left even if this
// process is killed.
func (o *output) unlink() error {
	if o.dir == "" {
		return nil
	}
	err := os.RemoveAll(o.dir)
	if err == nil {
		o.dir = ""
	}
	return err
}

// closeWriter closes our writing end, so that the FIFO ends when the child does.
func (o *output) closeWriter() {
	if o.writer != nil {
		_ = o.writer.Close() // nothing was written
		o.writer = nil
	}
}

func (o *output) close() error {
	o.closeWriter()
	if o.fifo != nil {
		_ = o.fifo.Close() // nothing can be lost
	}
	if o.wake != nil {
		o.wake.close()
	}
	return o.unlink()
}

// waker makes a descriptor readable, to wake a goroutine that polls.
type waker struct{ r, w *os.File }

func newWaker() (*waker, error) {
	r, w, err := os.Pipe()
	return &waker{r, w}, err
}

// wake wakes the goroutine once, however often it is called before the goroutine has reacted.
func (w *waker) wake() { _, _ = w.w.Write([]byte{0}) }

func (w *waker) close() {
	_ = w.r.Close() // pipes: nothing can be lost
	_ = w.w.Close()
}

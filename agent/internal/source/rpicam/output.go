package rpicam

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// output is what is there around the child: the FIFO that it writes to, if it cannot write to a pipe, and the waker
// of whoever waits for it.
type output struct {
	wake *waker
	dir  string // private; "" without a FIFO, and when it has been removed
	path string
	fifo *os.File // to read from; nil without a FIFO
	hold *os.File // a writing end, so that the FIFO has no end before the child has opened it, nor between its two openings
}

// openOutput makes a FIFO if the plan wants one. Its name ends in 264: by that rpicam-vid knows an elementary stream,
// for which it writes times.
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
		return o, fmt.Errorf("%s: rpicam-vid cannot write there, since it takes a %% for a place to put a number: set TMPDIR to another folder", o.dir)
	}
	if err = unix.Mkfifo(o.path, 0o600); err != nil {
		return o, fmt.Errorf("mkfifo %s: %w", o.path, err)
	}
	if o.fifo, err = os.OpenFile(o.path, os.O_RDONLY|unix.O_NONBLOCK, 0); err != nil {
		return o, err
	}
	o.hold, err = os.OpenFile(o.path, os.O_WRONLY|unix.O_NONBLOCK, 0)
	return o, err
}

// drain returns what child.Run is to read to its end.
func (o *output) drain() []*os.File {
	if o.fifo == nil {
		return nil
	}
	return []*os.File{o.fifo}
}

// forget removes the FIFO's name. It is not needed once the child has opened it, and so nothing is left even if this
// process is killed.
func (o *output) forget() error {
	if o.dir == "" {
		return nil
	}
	err := os.RemoveAll(o.dir)
	if err == nil {
		o.dir = ""
	}
	return err
}

// release gives up the writing end: the FIFO ends when the child does.
func (o *output) release() {
	if o.hold != nil {
		_ = o.hold.Close() // nothing was written
		o.hold = nil
	}
}

func (o *output) close() error {
	o.release()
	if o.fifo != nil {
		_ = o.fifo.Close() // nothing can be lost
	}
	if o.wake != nil {
		o.wake.close()
	}
	return o.forget()
}

// waker makes a descriptor readable, so that who waits for others by poll can be called too.
type waker struct{ r, w *os.File }

func newWaker() (*waker, error) {
	r, w, err := os.Pipe()
	return &waker{r, w}, err
}

// wake calls once, however often it is called before somebody has heard it.
func (w *waker) wake() { _, _ = w.w.Write([]byte{0}) }

func (w *waker) close() {
	_ = w.r.Close() // pipes: nothing can be lost
	_ = w.w.Close()
}

package source

import (
	"errors"
	"io"

	"github.com/bramble-cam/bramble/shared/frame"
)

// Faults of a camera's byte stream. A splitter returns them and goes on with the next frame when it is called again, so they are for
// counting. A later H.264 access unit may lack what the lost one would have given it: wait for a key frame.
var (
	// ErrFrameTooLarge means that a frame has more than frame.MaxPayload bytes, or that what comes is no video at all.
	ErrFrameTooLarge = errors.New("frame is larger than 8 MiB: lower the size or the bitrate, and check the source's format")

	// ErrFrameBroken means that a JPEG picture was malformed or cut off. It wraps the reason from jpegscan.
	ErrFrameBroken = errors.New("broken JPEG from the camera")
)

const (
	maxFrame  = frame.MaxPayload
	readSize  = 64 << 10 // what a pipe holds
	maxWindow = maxFrame + readSize
	idleReads = 100 // empty reads in a row before io.ErrNoProgress, as in bufio
)

// window is what has been read of a byte stream and is not done with. Its memory is reused and has at most maxWindow bytes: before a
// fill, its owner discards whatever is larger than a frame may be.
type window struct {
	r          io.Reader
	buf        []byte
	start, end int
	err        error // of r, for ever
}

// data returns the bytes at hand. They are valid until the next fill.
func (w *window) data() []byte { return w.buf[w.start:w.end] }

// discard removes n bytes from the front.
func (w *window) discard(n int) { w.start += n }

// fill reads at least one byte more, or returns the reader's error.
func (w *window) fill() error {
	w.makeRoom()
	for range idleReads {
		if w.err != nil {
			return w.err
		}
		var n int
		n, w.err = w.r.Read(w.buf[w.end:])
		w.end += n
		if n > 0 {
			return nil
		}
	}
	w.err = io.ErrNoProgress
	return w.err
}

// read reads once. Unlike fill it can be called again after an error: that of a reader which has nothing at the moment.
func (w *window) read() error {
	w.makeRoom()
	n, err := w.r.Read(w.buf[w.end:])
	w.end += n
	return err
}

// makeRoom sees to free space at the end. It moves the bytes only when at least as many have been discarded, or the window is as large as
// it gets, so each byte is moved about once, however small the reads are.
func (w *window) makeRoom() {
	held := w.end - w.start
	switch {
	case held == 0:
		w.start, w.end = 0, 0
	case w.end < len(w.buf):
		return
	case held <= len(w.buf)/2, len(w.buf) == maxWindow:
		copy(w.buf, w.data())
		w.start, w.end = 0, held
	}
	if w.end == len(w.buf) {
		grown := make([]byte, min(max(readSize, 2*len(w.buf)), maxWindow))
		copy(grown, w.data())
		w.buf, w.start, w.end = grown, 0, held
	}
}

func (s *JPEGSplitter) input() *window { return &s.w }

func (s *AnnexBSplitter) input() *window { return &s.w }

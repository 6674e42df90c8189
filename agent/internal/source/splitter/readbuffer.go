package splitter

import (
	"errors"
	"io"

	"github.com/bramble-cam/bramble/shared/frame"
)

// Faults of a camera's byte stream. A splitter returns them and goes on with the next frame when it is called again, so
// they are for counting. A later H.264 access unit may need what was lost: wait for a key frame.
var (
	// ErrFrameTooLarge means that a frame has more than frame.MaxPayload bytes, or that the stream is no video at all.
	ErrFrameTooLarge = errors.New("frame is larger than 8 MiB: lower the size or the bitrate, and check the source's " +
		"format")

	// ErrFrameBroken means that a JPEG picture was malformed or cut off. It wraps the reason.
	ErrFrameBroken = errors.New("broken JPEG from the camera")
)

const (
	maxFrame  = frame.MaxPayload
	readSize  = 64 << 10 // what a pipe holds
	maxBuffer = maxFrame + readSize
	idleReads = 100 // empty reads in a row before io.ErrNoProgress, as in bufio
)

// readBuffer holds what was read of a byte stream and not yet consumed. Its memory is reused and has at most maxBuffer
// bytes: before a fill, its owner must discard what is larger than a frame may be.
type readBuffer struct {
	r          io.Reader
	buf        []byte
	start, end int
	err        error // of r; permanent
}

// reset starts with another reader, and keeps the memory.
func (b *readBuffer) reset(r io.Reader) { *b = readBuffer{r: r, buf: b.buf} }

// data returns the buffered bytes. They are valid until the next fill.
func (b *readBuffer) data() []byte { return b.buf[b.start:b.end] }

// discard removes n bytes from the front.
func (b *readBuffer) discard(n int) { b.start += n }

// fill reads at least one byte more, or returns the reader's error.
func (b *readBuffer) fill() error {
	b.makeRoom()
	for range idleReads {
		if b.err != nil {
			return b.err
		}
		var n int
		n, b.err = b.r.Read(b.buf[b.end:])
		b.end += n
		if n > 0 {
			return nil
		}
	}
	b.err = io.ErrNoProgress
	return b.err
}

// fillOnce reads once. Unlike fill it can be called again after an error, such as that of a pipe that is empty now.
func (b *readBuffer) fillOnce() error {
	b.makeRoom()
	n, err := b.r.Read(b.buf[b.end:])
	b.end += n
	return err
}

// makeRoom frees space at the end. It moves the bytes only if at least as many were discarded, or if the buffer has its
// largest size. So each byte is moved about once, however small the reads are.
func (b *readBuffer) makeRoom() {
	held := b.end - b.start
	switch {
	case held == 0:
		b.start, b.end = 0, 0
	case b.end < len(b.buf):
		return
	case held <= len(b.buf)/2, len(b.buf) == maxBuffer:
		copy(b.buf, b.data())
		b.start, b.end = 0, held
	}
	if b.end == len(b.buf) {
		grown := make([]byte, min(max(readSize, 2*len(b.buf)), maxBuffer))
		copy(grown, b.data())
		b.buf, b.start, b.end = grown, 0, held
	}
}

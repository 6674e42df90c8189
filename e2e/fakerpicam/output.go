package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// output writes pictures and their times as rpicam-apps' Output and FileOutput do: first the picture, flushed, then the
// line with its time, flushed.
type output struct {
	faults faults
	flush  bool
	path   string // of a file that is opened with the first picture; "": stdout
	stdout io.Writer

	frames *bufio.Writer
	times  *bufio.Writer // nil without --save-pts
	record *bufio.Writer // nil unless asked for
	shift  time.Duration
}

// newOutput opens what is opened before the camera.
func newOutput(opts options, w *world, stdout io.Writer) (*output, error) {
	o := &output{faults: w.faults, flush: opts.has("flush"), stdout: stdout}
	if name := opts.text("output", ""); name != "-" {
		o.path = strings.ReplaceAll(name, "%%", "%")
	}
	if name := opts.text("save-pts", ""); name != "" {
		f, err := os.Create(name)
		if err != nil {
			return nil, failure(fmt.Sprintf("Failed to open timestamp file %s", name))
		}
		o.times = bufio.NewWriter(f)
		_, _ = o.times.WriteString("# timecode format v2\n")
	}
	if w.recordTo != "" {
		f, err := os.Create(w.recordTo)
		if err != nil {
			return nil, err
		}
		o.record = bufio.NewWriter(f)
	}
	return o, nil
}

// open opens the output at the first picture. libav, where it encodes, has opened the same name just before, and keeps
// it open without writing.
func (o *output) open(libav bool) error {
	if o.path == "" {
		o.frames = bufio.NewWriterSize(o.stdout, 4096) // as stdio does for pipes
		return nil
	}
	if libav {
		//nolint:gosec // test program
		if _, err := os.OpenFile(o.path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666); err != nil {
			return err
		}
	}
	f, err := os.Create(o.path)
	if err != nil {
		return fmt.Errorf("failed to open output file %s", o.path)
	}
	o.frames = bufio.NewWriterSize(f, 4096)
	return nil
}

// ready takes one output of the encoder.
func (o *output) ready(data []byte) error {
	if o.record != nil {
		//nolint:gosec // small by construction
		if err := errors.Join(binary.Write(o.record, binary.BigEndian, uint32(len(data))),
			write(o.record, data, true)); err != nil {
			return err
		}
	}
	if err := write(o.frames, data, o.flush); err != nil {
		return errors.New("failed to write output bytes")
	}
	return nil
}

// time writes the line for picture n.
func (o *output) time(n int, at time.Duration) error {
	if o.times == nil || o.faults.from("mute", n) {
		return nil
	}
	if o.faults.at("jump", n) {
		o.shift += time.Duration(o.faults["jump"][1]) * time.Millisecond
	}
	us := (at + o.shift).Microseconds()
	line := fmt.Sprintf("%d.%03d\n", us/1000, us%1000)
	switch {
	case o.faults.at("garble", n):
		line = "nonsense\n"
	case o.faults.at("double", n):
		line += line
	}
	return write(o.times, []byte(line), o.flush)
}

func write(w *bufio.Writer, data []byte, flush bool) error {
	_, err := w.Write(data)
	if err == nil && flush {
		err = w.Flush()
	}
	return err
}

// close writes out what is left.
func (o *output) close() error {
	var errs []error
	for _, w := range []*bufio.Writer{o.frames, o.times, o.record} {
		if w != nil {
			errs = append(errs, w.Flush())
		}
	}
	return errors.Join(errs...)
}

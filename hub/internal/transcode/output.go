package transcode

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/bramble-cam/bramble/internal/codec/jpeg"
	"github.com/bramble-cam/bramble/internal/media"
	"github.com/bramble-cam/bramble/shared/drop"
	"github.com/bramble-cam/bramble/shared/frame"
)

// readOutput takes the frames that ffmpeg makes, until there are no more.
func (r *run) readOutput() error {
	list := bufio.NewReaderSize(r.pipes.Extra[0], 1<<10)
	for {
		line, err := list.ReadSlice('\n')
		if err != nil {
			return ended(err)
		}
		if bytes.HasPrefix(line, []byte("#")) {
			continue
		}
		at, size, err := parseLine(line)
		if err != nil {
			return err
		}
		payload := make([]byte, size)
		if _, err := io.ReadFull(r.pipes.Stdout, payload); err != nil {
			return ended(err)
		}
		r.emit(at, payload)
	}
}

func ended(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, os.ErrClosed) {
		return errOutputEnded
	}
	return fmt.Errorf("read from ffmpeg: %w", err)
}

// parseLine reads a line of ffmpeg's framecrc format: stream, DTS, PTS, duration, size, checksum and maybe more, with
// commas between them.
func parseLine(line []byte) (at uint64, size int, err error) {
	fields := bytes.Split(line, []byte(","))
	if len(fields) < 6 {
		return 0, 0, fmt.Errorf("ffmpeg's list of frames has a line %.80q", line)
	}
	at, err = strconv.ParseUint(string(bytes.TrimSpace(fields[2])), 10, 64)
	if err == nil {
		size, err = strconv.Atoi(string(bytes.TrimSpace(fields[4])))
	}
	var number *strconv.NumError
	switch {
	case errors.As(err, &number): // which repeats the number, however long it is
		err = number.Err
	case err == nil && (size <= 0 || size > frame.MaxPayload):
		err = fmt.Errorf("%d bytes", size)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("ffmpeg's list of frames has a line %.80q: %w", line, err)
	}
	return at, size, nil
}

// emit puts a frame that has come out of ffmpeg into the rendition.
func (r *run) emit(at uint64, payload []byte) {
	from, lost, ok := r.ledger.take(at)
	r.j.out.Drops.Add(drop.Decode, lost)
	if !ok {
		r.j.out.Drops.Add(drop.Decode, 1)
		return
	}
	p := withPayload(from, payload)
	if err := r.inspect(&p); err != nil {
		r.j.out.Drop(&p, drop.Decode)
		r.j.t.setLastError(r.j, fmt.Errorf("what ffmpeg has made cannot be used: %w", err))
		return
	}
	r.j.put(p)
}

func (r *run) inspect(p *media.Packet) (err error) {
	if r.j.want.Codec == media.JPEG {
		p.Width, p.Height, err = jpeg.Check(p.Payload)
		return err
	}
	_, err = r.j.norm.NormalizePacket(p)
	return err
}

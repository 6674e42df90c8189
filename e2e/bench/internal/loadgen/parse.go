package loadgen

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/bramble-cam/bramble/e2e/bench/internal/syntheticframes"
)

const (
	// headSize is how much of a frame is kept to find the stamp in it: an IDR has parameter sets in front of it.
	headSize = 512
	// tailSize is how much of the end of an mdat is kept: some servers put what stands in front of a picture behind the
	// one before.
	tailSize = 128
	// boxSize is how much of an MP4 box other than mdat is kept.
	boxSize = 4 << 10
	// textSize bounds the headers of a response or a part.
	textSize = 64 << 10
)

// parser eats a response in pieces of any size, and calls frame with the first bytes of each frame when its last one
// has come.
type parser struct {
	kind  string // jpeg, mjpeg, mp4, h264 or ws
	frame func(head []byte)
	pong  func(data []byte) // ws: answers a ping
	body  io.Writer         // takes what comes behind the response's header; nil for none

	text   []byte // of the header at hand
	inBody bool
	left   int // bytes of the part, box or access unit at hand
	box    string
	head   []byte
	tail   []byte // of an mdat: its last bytes
	early  []byte // the stamp that came behind the frame before
	times  times  // mp4
}

var errResponse = errors.New("not what was expected")

// step returns what eats the next bytes of a body of this kind outside of a payload. A new kind has its line here.
func (p *parser) step(b []byte) (int, error) {
	switch p.kind {
	case "mjpeg":
		return p.part(b)
	case "mp4":
		return p.boxHeader(b)
	case "h264":
		return p.annexB(b), nil
	case "ws":
		return p.message(b)
	}
	return 0, fmt.Errorf("%w: %q behind the picture", errResponse, b[:min(len(b), 20)])
}

func (p *parser) feed(b []byte) error {
	for len(b) > 0 {
		n, err := p.some(b)
		if err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

func (p *parser) some(b []byte) (int, error) {
	if !p.inBody {
		return p.response(b)
	}
	n, err := 0, error(nil)
	if p.left > 0 {
		n, err = p.payload(b)
	} else {
		n, err = p.step(b)
	}
	if p.body != nil && err == nil {
		_, err = p.body.Write(b[:n])
	}
	return n, err
}

// lines takes bytes up to an empty line; done is true when it has come.
func (p *parser) lines(b []byte) (n int, done bool, err error) {
	for i, c := range b {
		p.text = append(p.text, c)
		if c == '\n' && bytes.HasSuffix(p.text, []byte("\r\n\r\n")) {
			return i + 1, true, nil
		}
	}
	if len(p.text) > textSize {
		return 0, false, fmt.Errorf("%w: a header without end", errResponse)
	}
	return len(b), false, nil
}

func (p *parser) response(b []byte) (int, error) {
	n, done, err := p.lines(b)
	if !done || err != nil {
		return n, err
	}
	good := " 200 "
	if p.kind == "ws" {
		good = opened
	}
	if status := string(p.text[:min(16, len(p.text))]); !strings.Contains(status, good) {
		line, _, _ := strings.Cut(string(p.text), "\r\n")
		return n, &StatusError{line, string(b[n:min(n+300, len(b))])}
	}
	p.inBody = true
	if p.kind == "jpeg" {
		if err := p.length(); err != nil {
			return n, err
		}
	}
	p.text = p.text[:0]
	return n, nil
}

// StatusError is an answer other than 200, or 101 of a WebSocket: its first line, and as much of its body as came with
// the header.
type StatusError struct{ line, body string }

func (e *StatusError) Error() string { return "the server answers: " + e.line + ": " + e.body }

// Line returns the first line of the answer.
func (e *StatusError) Line() string { return e.line }

// length takes the length of a picture from its header.
func (p *parser) length() error {
	_, rest, ok := strings.Cut(strings.ToLower(string(p.text)), "content-length:")
	if !ok {
		if p.kind == "mjpeg" {
			return nil // the preamble
		}
		return fmt.Errorf("%w: a picture without Content-Length", errResponse)
	}
	value, _, _ := strings.Cut(rest, "\r")
	length, err := strconv.Atoi(strings.TrimSpace(value))
	if err != nil || length <= 0 {
		return fmt.Errorf("%w: Content-Length %q", errResponse, value)
	}
	p.begin("", length)
	return nil
}

func (p *parser) part(b []byte) (int, error) {
	n, done, err := p.lines(b)
	if !done || err != nil {
		return n, err
	}
	err = p.length()
	p.text = p.text[:0]
	return n, err
}

func (p *parser) boxHeader(b []byte) (int, error) {
	n := min(8-len(p.text), len(b))
	p.text = append(p.text, b[:n]...)
	if len(p.text) < 8 {
		return n, nil
	}
	size := int(binary.BigEndian.Uint32(p.text)) - 8
	if size < 0 {
		return n, fmt.Errorf("%w: a box %q of size %d", errResponse, p.text[4:], size+8)
	}
	p.begin(string(p.text[4:8]), size)
	p.text = p.text[:0]
	return n, nil
}

// begin starts a payload.
func (p *parser) begin(box string, size int) {
	p.box, p.left, p.head, p.tail = box, size, p.head[:0], p.tail[:0]
}

func (p *parser) payload(b []byte) (int, error) {
	n := min(p.left, len(b))
	keep := headSize
	if p.box != "" && p.box != "mdat" {
		keep = boxSize
	}
	if room := keep - len(p.head); room > 0 {
		p.head = append(p.head, b[:min(n, room)]...)
	}
	if p.box == "mdat" {
		p.tail = append(p.tail, b[max(0, n-tailSize):n]...)
		p.tail = append(p.tail[:0], p.tail[max(0, len(p.tail)-tailSize):]...)
	}
	if p.left -= n; p.left > 0 {
		return n, nil
	}
	switch p.box {
	case "mdat":
		p.mdat()
		return n, nil
	case "":
		p.frame(p.head)
		if p.kind == "jpeg" {
			p.inBody = false
		}
		return n, nil
	case "ping":
		p.pong(p.head)
	case "moov":
		return n, p.times.moov(p.head)
	case "moof":
		return n, p.times.moof(p.head)
	}
	return n, nil
}

// mdat hands on a fragment's frame. Its stamp is in its head, or else came at the end of the fragment before.
func (p *parser) mdat() {
	head := p.head
	if !bytes.Contains(head, []byte(syntheticframes.Mark)) && len(p.early) > 0 {
		head = p.early
	}
	p.frame(head)
	p.early = p.early[:0]
	if i := bytes.Index(p.tail, []byte(syntheticframes.Mark)); i >= 0 &&
		!bytes.Contains(p.head, p.tail[i:min(len(p.tail), i+syntheticframes.StampSize)]) {
		p.early = append(p.early, p.tail[i:]...)
	}
}

// annexB looks for a stamp, which says how far the access unit reaches.
func (p *parser) annexB(b []byte) int {
	had := len(p.text)
	p.text = append(p.text, b...)
	i := bytes.Index(p.text, []byte(syntheticframes.Mark))
	if i < 0 {
		p.text = append(p.text[:0], p.text[max(0, len(p.text)-len(syntheticframes.Mark)):]...)
		return len(b)
	}
	end := i + syntheticframes.StampSize
	if end > len(p.text) {
		p.text = append(p.text[:0], p.text[i:]...)
		return len(b)
	}
	stamp, ok := syntheticframes.ReadStamp(p.text[i:end])
	if ok {
		p.begin("", stamp.Rest)
		p.head = append(p.head, p.text[i:end]...)
	}
	p.text = p.text[:0]
	return end - had
}

//go:build linux

package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strconv"
	"strings"
)

// headSize is how much of a frame is kept to find the stamp in it: an IDR has parameter sets in front, an MP4 fragment its moof.
const headSize = 512

// parser eats a response byte by byte, in pieces of any size, and calls frame with the first bytes of each frame when its last one has come.
type parser struct {
	kind  string // mjpeg, mp4 or h264
	frame func(head []byte)

	text   []byte // of the header at hand
	body   bool   // past the header of the response
	left   int    // bytes of the part or box at hand
	head   []byte
	inside bool // of a part, or of an mdat
}

var errResponse = errors.New("not what was expected")

func (p *parser) feed(b []byte) error {
	for len(b) > 0 {
		var n int
		var err error
		switch {
		case !p.body:
			n, err = p.response(b)
		case p.left > 0:
			n = p.payload(b)
		case p.kind == "mjpeg":
			n, err = p.part(b)
		case p.kind == "mp4":
			n = p.box(b)
		default:
			n = p.annexB(b)
		}
		if err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// lines takes bytes up to an empty line; done is true when it has come.
func (p *parser) lines(b []byte) (n int, done bool) {
	for i, c := range b {
		p.text = append(p.text, c)
		if c == '\n' && bytes.HasSuffix(p.text, []byte("\r\n\r\n")) {
			return i + 1, true
		}
	}
	return len(b), false
}

func (p *parser) response(b []byte) (int, error) {
	n, done := p.lines(b)
	if !done {
		return n, nil
	}
	if !strings.Contains(string(p.text[:min(16, len(p.text))]), " 200 ") {
		return n, errors.Join(errResponse, errors.New(string(p.text[:min(200, len(p.text))])))
	}
	p.body, p.text = true, p.text[:0]
	return n, nil
}

func (p *parser) part(b []byte) (int, error) {
	n, done := p.lines(b)
	if !done {
		return n, nil
	}
	text := strings.ToLower(string(p.text))
	p.text = p.text[:0]
	_, rest, ok := strings.Cut(text, "content-length:")
	if !ok {
		return n, nil // the preamble
	}
	value, _, _ := strings.Cut(rest, "\r")
	length, err := strconv.Atoi(strings.TrimSpace(value))
	if err != nil || length <= 0 {
		return n, errors.Join(errResponse, err)
	}
	p.left, p.inside, p.head = length, true, p.head[:0]
	return n, nil
}

func (p *parser) box(b []byte) int {
	n := min(8-len(p.text), len(b))
	p.text = append(p.text, b[:n]...)
	if len(p.text) == 8 {
		p.left = max(0, int(binary.BigEndian.Uint32(p.text))-8)
		p.inside = string(p.text[4:8]) == "mdat"
		p.text, p.head = p.text[:0], p.head[:0]
	}
	return n
}

func (p *parser) payload(b []byte) int {
	n := min(p.left, len(b))
	if room := headSize - len(p.head); p.inside && room > 0 {
		p.head = append(p.head, b[:min(n, room)]...)
	}
	if p.left -= n; p.left == 0 && p.inside {
		p.inside = false
		p.frame(p.head)
	}
	return n
}

// annexB finds the stamps: where an access unit ends is not said, so it counts when its head is there.
func (p *parser) annexB(b []byte) int {
	p.text = append(p.text, b...)
	for {
		i := bytes.Index(p.text, []byte(mark))
		if i < 0 {
			p.text = append(p.text[:0], p.text[max(0, len(p.text)-len(mark)):]...)
			return len(b)
		}
		if i+stampSize > len(p.text) {
			p.text = append(p.text[:0], p.text[i:]...)
			return len(b)
		}
		p.frame(p.text[i : i+stampSize])
		p.text = p.text[i+stampSize:]
	}
}

package main

import (
	"bytes"
	_ "embed"
	"errors"
	"os"
)

//go:embed testdata/whole.h264
var wholeClip []byte

//go:embed testdata/sliced.h264
var slicedClip []byte

// picture is one output of the encoder.
type picture struct {
	data []byte
	key  bool
	sets int // so many bytes at the start are parameter sets
}

// camera makes the pictures of a stream.
type camera interface {
	// next returns the next picture. It stays as it is.
	next() (picture, error)
}

// clip plays an H.264 file as an encoder with other settings would have made it.
type clip struct {
	pictures []picture
	intra    int  // a key frame at least this often; 0: as in the file
	inline   bool // parameter sets with every key frame
	at       int  // index of the next picture
	since    int  // pictures since the last key frame
	begun    bool
}

// openClip opens the file with that name, or a clip from inside.
func openClip(name string, sliced bool) (*clip, error) {
	stream := wholeClip
	if sliced {
		stream = slicedClip
	}
	if name != "" {
		var err error
		if stream, err = os.ReadFile(name); err != nil {
			return nil, err
		}
	}
	c := &clip{pictures: split(stream)}
	if len(c.pictures) == 0 || !c.pictures[0].key || c.pictures[0].sets == 0 {
		return nil, errors.New("the clip does not begin with a key frame and its parameter sets")
	}
	return c, nil
}

// next plays in a loop. To honor --intra it leaves out the rest of a group of pictures: the next one decodes alone.
func (c *clip) next() (picture, error) {
	for c.intra > 0 && c.since >= c.intra && !c.pictures[c.at].key {
		c.at = (c.at + 1) % len(c.pictures)
	}
	p := c.pictures[c.at]
	c.at = (c.at + 1) % len(c.pictures)
	c.since++
	if p.key {
		c.since = 1
	}
	if !c.inline && c.begun {
		p.data, p.sets = p.data[p.sets:], 0
	}
	c.begun = true
	return p, nil
}

// split cuts a stream into pictures: a new one begins at a parameter set, SEI or delimiter behind a slice, or at a
// slice with the first macroblock.
func split(stream []byte) (pictures []picture) {
	var p picture
	begin, slice := -1, false
	end := func(at int) {
		if begin >= 0 && slice {
			p.data = stream[begin:at:at]
			pictures = append(pictures, p)
			p, begin, slice = picture{}, at, false
		}
	}
	for at := 0; ; {
		n := bytes.Index(stream[at:], []byte{0, 0, 1})
		if n < 0 || at+n+4 >= len(stream) {
			end(len(stream))
			return pictures
		}
		code := at + n
		at = code + 3
		if code > 0 && stream[code-1] == 0 {
			code--
		}
		unit := stream[at] & 0x1f
		isSlice := unit == 1 || unit == 5
		if !isSlice || stream[at+1]&0x80 != 0 {
			end(code)
		}
		if begin < 0 {
			begin = code
		}
		if isSlice && !slice {
			p.sets, slice = code-begin, true
		}
		p.key = p.key || unit == 5
	}
}

// Package syntheticframes makes what the benchmark's cameras show: frames that carry the instant at which they left the
// camera.
package syntheticframes

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"math/rand/v2"
	"time"

	"github.com/bramble-cam/bramble/internal/codec/h264"
	"github.com/bramble-cam/bramble/shared/frame"
)

// FPS is the rate of every good camera, in frames a second.
const FPS = 25

// Sizes in bytes of usual frames of 1280x720.
const (
	JPEGSize = 84 << 10 // of a picture from a usual webcam
	AUSize   = 10 << 10 // of an access unit at 25 fps and 2 Mbit/s
)

// Clip is a short loop of frames. Play writes into them, so each camera has its own Copy.
type Clip struct {
	Format    frame.Format
	Frames    []Frame
	PerSecond int // frames a second; 0 means FPS
}

// Frame is a picture or an access unit with a stamp in it.
type Frame struct {
	Data []byte
	Key  bool
	at   int // of the stamp
}

// Pictures returns count pictures of width and height with at most size bytes each: noise, since a relay does not look
// inside.
func Pictures(width, height, size, count int) (*Clip, error) {
	f := &Clip{Format: frame.JPEG}
	quality := 95
	for n := range count {
		data, err := encode(noise(width, height, uint64(n)), quality)
		for ; err == nil && len(data) > size-StampSize && quality > 3; quality -= 3 {
			data, err = encode(noise(width, height, uint64(n)), quality-3)
		}
		if err != nil {
			return nil, err
		}
		data, at := stampJPEG(data)
		f.Frames = append(f.Frames, Frame{data, true, at})
	}
	return f, nil
}

func encode(img image.Image, quality int) ([]byte, error) {
	var b bytes.Buffer
	err := jpeg.Encode(&b, img, &jpeg.Options{Quality: quality})
	return b.Bytes(), err
}

func noise(width, height int, seed uint64) image.Image {
	r := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // no secret
	img := image.NewGray(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			img.SetGray(x, y, color.Gray{uint8(x/8+y/8) + uint8(r.IntN(24))}) //nolint:gosec // small by construction
		}
	}
	return img
}

// GOP returns a group of count access units of about size bytes each: parameter sets as an encoder makes them, slices
// of noise.
func GOP(size, count int) *Clip {
	sets := [][]byte{ // 1280x720, Baseline, level 3.1, as x264 writes them
		{0x67, 0x42, 0xc0, 0x1f, 0xd9, 0x00, 0x50, 0x05, 0xbb, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00, 0x00, 0x03,
			0x03, 0x20, 0xf1, 0x83, 0x24, 0x80},
		{0x68, 0xcb, 0x83, 0xcb, 0x20},
	}
	f := &Clip{Format: frame.H264}
	r := rand.New(rand.NewPCG(2, 2)) //nolint:gosec // no secret
	for n := range count {
		var au []byte
		kind := byte(0x41)
		if n == 0 {
			kind = 0x65
			for _, s := range sets {
				au = append(append(au, 0, 0, 0, 1), s...)
			}
		}
		au = append(au, 0, 0, 0, 1, kind, 0x80)
		for len(au) < size {
			au = append(au, byte(1+r.IntN(255))) //nolint:gosec // 1 to 255: without zeros there is no start code
		}
		f.add(au, n == 0)
	}
	return f
}

func (f *Clip) add(au []byte, key bool) {
	data, at := stampH264(au, key)
	f.Frames = append(f.Frames, Frame{data, key, at})
}

// Decodable returns the access units of a raw H.264 stream in which each IDR has its parameter sets. A slice is the
// first of its picture if its first_mb_in_slice is 0 (ITU-T H.264 7.3.3).
func Decodable(stream []byte) *Clip {
	f := &Clip{Format: frame.H264}
	var au []byte
	key, sliced := false, false
	for nalu := range h264.NALUs(stream) {
		t := nalu[0] & 0x1f
		slice := t == 1 || t == 5
		if sliced && (!slice || len(nalu) > 1 && nalu[1]&0x80 != 0) {
			f.add(au, key)
			au, key, sliced = nil, false, false
		}
		au = append(append(au, 0, 0, 0, 1), nalu...)
		sliced, key = sliced || slice, key || t == 5
	}
	if sliced {
		f.add(au, key)
	}
	return f
}

// Write is a camera program: it writes usual pictures to out until ctx ends or the reader closes.
func Write(ctx context.Context, out io.Writer) error {
	f, err := Pictures(1280, 720, JPEGSize, 2)
	if err != nil {
		return err
	}
	return f.Play(ctx, func(_ uint64, fr Frame, _ time.Time) error {
		_, err := out.Write(fr.Data)
		return err
	})
}

// Copy returns a clip for one more camera.
func (f *Clip) Copy() *Clip {
	c := &Clip{Format: f.Format, Frames: make([]Frame, len(f.Frames)), PerSecond: f.PerSecond}
	for i, fr := range f.Frames {
		fr.Data = bytes.Clone(fr.Data)
		c.Frames[i] = fr
	}
	return c
}

// Rate returns the bytes of a second.
func (f *Clip) Rate() float64 {
	sum := 0
	for _, fr := range f.Frames {
		sum += len(fr.Data)
	}
	return float64(sum) / float64(len(f.Frames)) * float64(f.perSecond())
}

func (f *Clip) perSecond() int {
	if f.PerSecond > 0 {
		return f.PerSecond
	}
	return FPS
}

// Bytes returns all frames, one after the other: the file of such a camera.
func (f *Clip) Bytes() []byte {
	var all []byte
	for _, fr := range f.Frames {
		all = append(all, fr.Data...)
	}
	return all
}

// Play hands the frames to send, each stamped with the time of sending, over and over until ctx ends or send fails. The
// data is valid during send only.
func (f *Clip) Play(ctx context.Context, send func(n uint64, fr Frame, now time.Time) error) error {
	tick := time.NewTicker(time.Second / time.Duration(f.perSecond()))
	defer tick.Stop()
	for n, began := uint64(0), time.Now(); ; {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		due := n + 1
		if f.PerSecond > 0 { // ticks that were missed count too: a flood is no camera that takes its time
			due = max(due, uint64(time.Since(began).Seconds()*float64(f.PerSecond)))
		}
		for ; n < due && ctx.Err() == nil; n++ {
			fr, now := f.Frames[n%uint64(len(f.Frames))], time.Now()
			set(fr.Data, fr.at, now)
			if err := send(n, fr, now); err != nil {
				return err
			}
		}
	}
}

//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math/rand/v2"
	"net"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/h264"
	"github.com/bramble-cam/bramble/shared/status"
	"github.com/bramble-cam/bramble/shared/subject"
)

// clip is a short film with a place for a stamp in each frame.
type clip struct {
	format frame.Format
	frames []stamped
}

type stamped struct {
	data []byte
	at   int // of the stamp
	key  bool
}

const (
	jpegSize = 84 << 10 // of a picture of 1280x720 from a usual webcam
	auSize   = 10 << 10 // of an access unit at 25 fps and 2 Mbit/s
	gop      = 25
)

// jpegClip returns pictures of width and height with about size bytes each: noise, since a relay does not look inside.
func jpegClip(width, height, size int) (clip, error) {
	c := clip{format: frame.JPEG}
	for n := range 8 {
		quality, data := 95, []byte(nil)
		for quality > 1 {
			var b bytes.Buffer
			if err := jpeg.Encode(&b, noise(width, height, uint64(n)), &jpeg.Options{Quality: quality}); err != nil {
				return c, err
			}
			if data = b.Bytes(); len(data) <= size {
				break
			}
			quality -= 3
		}
		data, at := stampJPEG(data)
		c.frames = append(c.frames, stamped{data, at, false})
	}
	return c, nil
}

func noise(width, height int, seed uint64) image.Image {
	r := rand.New(rand.NewPCG(seed, 1))
	img := image.NewGray(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			img.SetGray(x, y, color.Gray{uint8(x/8+y/8) + uint8(r.IntN(24))})
		}
	}
	return img
}

// h264Clip returns one GOP of access units of about size bytes: parameter sets as an encoder makes them, slices of noise.
func h264Clip(params h264.ParamSets, size int) clip {
	c := clip{format: frame.H264}
	r := rand.New(rand.NewPCG(2, 2))
	for n := range gop {
		var au []byte
		kind := byte(0x41)
		if n == 0 {
			kind = 0x65
			for _, set := range append(append([][]byte(nil), params.SPS...), params.PPS...) {
				au = append(append(au, 0, 0, 0, 1), set...)
			}
		}
		au = append(au, 0, 0, 0, 1, kind, 0x80)
		for len(au) < size {
			au = append(au, byte(1+r.IntN(255))) // no zeros, so no start codes
		}
		data, at := stampH264(au)
		c.frames = append(c.frames, stamped{data, at, n == 0})
	}
	return c
}

// play hands the frames to send at fps until ctx ends, each stamped with the time of sending.
func (c clip) play(ctx context.Context, fps float64, send func(n uint64, s stamped, now time.Time) error) error {
	tick := time.NewTicker(time.Duration(float64(time.Second) / fps))
	defer tick.Stop()
	for n := uint64(0); ; n++ {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		s, now := c.frames[n%uint64(len(c.frames))], time.Now()
		setStamp(s.data, s.at, now)
		if err := send(n, s, now); err != nil {
			return err
		}
	}
}

// toHub publishes the clip as an agent does.
func (c clip) toHub(ctx context.Context, nc *nats.Conn, camera string, fps float64) error {
	space := subject.Space{}
	st, err := json.Marshal(status.Status{
		Camera: camera, Instance: "bench", Started: time.Now(), Host: "bench", Agent: "0.0.0-bench", State: status.Live, Since: time.Now(), Source: "bench",
		Format: c.format, Clock: status.Clock{Source: status.ClockArrival, Error: 0},
	})
	if err != nil {
		return err
	}
	epoch := time.Now()
	msg := &nats.Msg{Subject: space.Frames(camera, c.format), Header: nats.Header{}}
	var last time.Time
	return c.play(ctx, fps, func(n uint64, s stamped, now time.Time) error {
		if now.Sub(last) > status.Interval {
			last = now
			if err := nc.Publish(space.Status(camera), st); err != nil {
				return err
			}
		}
		f := frame.Frame{Format: c.format, Seq: n, PTS: now.Sub(epoch), CaptureTime: now, Epoch: epoch.UnixNano(), Key: s.key, Payload: s.data}
		frame.Encode(frame.Header(msg.Header), &f)
		msg.Data = s.data
		return nc.PublishMsg(msg)
	})
}

// toFloor sends the clip to the floor: a length, then the frame.
func (c clip) toFloor(ctx context.Context, addr string, fps float64) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("the floor's feed: %w", err)
	}
	defer func() { _ = conn.Close() }()
	var length [4]byte
	return c.play(ctx, fps, func(_ uint64, s stamped, _ time.Time) error {
		binary.BigEndian.PutUint32(length[:], uint32(len(s.data)))
		b := net.Buffers{length[:], s.data}
		_, err := b.WriteTo(conn)
		return err
	})
}

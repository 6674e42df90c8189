package transcode

import (
	"context"
	"fmt"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/shared/drop"
	"github.com/bramble-cam/bramble/shared/frame"
)

const (
	// maxPixels bounds the pictures that are decoded in this process, where they need three bytes a pixel, fifteen if they are progressive.
	maxPixels = 40 << 20

	// maxPixelsPerByte is how many pixels a byte of a JPEG can stand for: each block of 8x8 has a bit at least (ITU-T T.81, F.1.2). What says more of itself is not
	// worth the memory that the decoder would take before it finds out.
	maxPixelsPerByte = 8 * 64
)

// remakeAll makes JPEGs of JPEGs without ffmpeg.
func (j *job) remakeAll(ctx context.Context, in *input, u unit) (err error) {
	for ; err == nil; u, err = in.next(ctx) {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case j.t.slots <- struct{}{}:
		}
		made, err := remakeFrame(u.Packet, j.want)
		<-j.t.slots
		if err != nil {
			j.out.Drops.Add(drop.Decode, 1)
			j.t.trouble(j, err)
			continue
		}
		j.put(made)
	}
	return err
}

func remakeFrame(f *stream.Packet, want Rendition) (*stream.Packet, error) {
	if f.Width*f.Height > maxPixels {
		return nil, fmt.Errorf("a picture of %dx%d is too large to be made anew", f.Width, f.Height)
	}
	if f.Width*f.Height > maxPixelsPerByte*len(f.Payload) {
		return nil, fmt.Errorf("%d bytes cannot be a picture of %dx%d", len(f.Payload), f.Width, f.Height)
	}
	picture, width, height, err := remake(f.Payload, want, func() { time.Sleep(turn) })
	if err != nil {
		return nil, fmt.Errorf("the camera's picture cannot be decoded: %w", err)
	}
	return &stream.Packet{Frame: retold(f.Frame, frame.JPEG, false, picture), Width: width, Height: height}, nil
}

// retold is a frame that shows the same as another one in other bytes: its number and its times stay.
func retold(f frame.Frame, as frame.Format, key bool, payload []byte) frame.Frame {
	f.Format, f.Key, f.Payload = as, key, payload
	return f
}

package transcode

import (
	"context"
	"fmt"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/cameras"
	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/media"
	"github.com/bramble-cam/bramble/shared/drop"
)

const (
	// maxPixels bounds the pictures that are decoded in this process, where they need three bytes a pixel, fifteen if
	// they are progressive.
	maxPixels = 40 << 20

	// maxPixelsPerByte is how many pixels a byte of a JPEG can stand for: each block of 8x8 takes a bit or more (T.81,
	// F.1.2). A JPEG that claims more is refused before the decoder allocates memory for it.
	maxPixelsPerByte = 8 * 64
)

// reencodeAll makes JPEGs of JPEGs without ffmpeg.
func (j *job) reencodeAll(ctx context.Context, in *input, u unit) (err error) {
	for ; err == nil; u, err = in.next(ctx) {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case j.t.slots <- struct{}{}:
		}
		made, err := reencodePacket(u.Packet, j.want)
		<-j.t.slots
		if err != nil {
			j.out.Drops.Add(drop.Decode, 1)
			j.t.setLastError(j, err)
			continue
		}
		j.put(made)
	}
	return err
}

func reencodePacket(f *stream.Packet, want rendition) (made media.Packet, err error) {
	if f.Width*f.Height > maxPixels {
		return made, fmt.Errorf("a picture of %dx%d is too large to be encoded again", f.Width, f.Height)
	}
	if f.Width*f.Height > maxPixelsPerByte*len(f.Payload) {
		return made, fmt.Errorf("%d bytes cannot be a picture of %dx%d", len(f.Payload), f.Width, f.Height)
	}
	picture, width, height, err := reencode(f.Payload, want, func() { time.Sleep(yieldPause) })
	if err != nil {
		return made, fmt.Errorf("the camera's picture cannot be decoded: %w", err)
	}
	made = withPayload(f.Packet, picture)
	made.Width, made.Height = width, height
	return made, nil
}

// withPayload returns a packet that shows the same as another one in other bytes: its number and its times stay.
func withPayload(p media.Packet, payload []byte) media.Packet {
	return media.Packet{
		Seq: p.Seq, Epoch: p.Epoch, PTS: p.PTS, DTS: p.PTS, CaptureTime: p.CaptureTime, Payload: payload,
	}
}

// Check says in advance whether a rendition of a camera can be had at all: the error is ErrNoFFmpeg if not.
func (t *Transcoder) Check(cam *cameras.Camera, want media.Want) error {
	of := sourceOf(cam)
	r := rendition{want}.quantize(of)
	if t.path != "" || r.native(of.codec) || r.withoutFFmpeg(of) {
		return nil
	}
	return ErrNoFFmpeg
}

// withoutFFmpeg reports whether this process can make the rendition itself.
func (r rendition) withoutFFmpeg(of source) bool {
	return of.codec == media.JPEG && r.Codec == media.JPEG
}

// inProcess reports whether this process makes the rendition, which it may do at the rate of a tile, for stills, and
// where there is no ffmpeg.
func (t *Transcoder) inProcess(k key, of source) bool {
	return k.want.withoutFFmpeg(of) && (k.still || t.path == "" || k.want.FPS > 0 && k.want.FPS <= tileFPS)
}

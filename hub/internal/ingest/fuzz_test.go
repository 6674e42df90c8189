package ingest

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"math"
	"strconv"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/codec/h264"
	"github.com/bramble-cam/bramble/internal/codec/jpeg"
	"github.com/bramble-cam/bramble/internal/media"
	"github.com/bramble-cam/bramble/shared/drop"
	"github.com/bramble-cam/bramble/shared/frame"
)

// FuzzReceiver gives a feed messages with any headers and any payload between good ones. What comes into the ring
// must be what its format promises, every message must be counted, and the good ones must go on to come in after the
// next key frame.
func FuzzReceiver(f *testing.F) {
	key := unit(long, sps, pps, idr)
	f.Add(true, "1", "40000", "1", "5", "1", key)
	f.Add(true, "9", "40000", "1", "5", "", unit(short, aud, sei, inter))
	f.Add(true, "0", "0", "0", "9223372036854775807", "1", unit(short, bigSPS, pps, idr))
	f.Add(true, "1", "40000", "1", "5", "", unit(long, sps, pps))
	f.Add(false, "1", "40000", "1", "5", "", []byte(tinyJPEG))
	f.Add(false, "1", "40000", "1", "6", "", []byte("\xff\xd8\xff\xd9"))
	f.Add(false, "", "-1", "x", "99999999999999999999", "0", []byte(nil))
	f.Fuzz(func(t *testing.T, isH264 bool, seq, pts, at, epoch, isKey string, payload []byte) {
		c := &cam{id: "porch", format: frame.JPEG, epoch: 5, jpeg: []byte(tinyJPEG)}
		if isH264 {
			c.format = frame.H264
		}
		into := stream.New(stream.Config{Tracks: media.VideoTracks(media.Codec(c.format))})
		fd := newReceiver(into, newDropLog(slog.New(slog.NewTextHandler(io.Discard, nil))), "cam.porch.x", Limits{})
		fd.handle(c.msg(c.frame(true)))
		v := into.NewCursor()
		defer v.Close()
		check(t, v, !isH264)

		msg := &nats.Msg{Header: nats.Header{}, Data: bytes.Clone(payload)}
		for name, value := range map[string]string{
			frame.HeaderSeq: seq, frame.HeaderPTS: pts, frame.HeaderTime: at, frame.HeaderEpoch: epoch, frame.HeaderKey: isKey,
		} {
			if value != "" {
				msg.Header[name] = []string{value}
			}
		}
		before := into.FramesIn.Load()
		for range 2 { // the second time it is a duplicate
			fd.handle(msg)
		}
		taken := into.FramesIn.Load() - before
		if taken > 1 {
			t.Fatal("a message was taken twice")
		}
		if taken == 1 {
			if n, err := strconv.ParseUint(seq, 10, 64); err != nil || check(t, v, !isH264).Seq != n {
				t.Fatalf("taken with the number %q, %v", seq, err)
			}
		}
		lost := uint64(0)
		into.Drops.Each(func(_ drop.Reason, n uint64) { lost += n })
		_, _, err := new(h264.Normalizer).Normalize(nil, payload)
		harmless := len(payload) == 0 || isH264 && errors.Is(err, h264.ErrNoPicture)
		if !harmless && lost < 2-taken {
			t.Fatalf("%d taken, dropped %v: every message must be counted", taken, into.Drops.Map())
		}

		if epoch == strconv.Itoa(math.MaxInt64) {
			return
		}
		c.epoch = math.MaxInt64 // a restart
		fd.handle(c.msg(c.frame(true)))
		if d := check(t, v, !isH264); d.Epoch != c.epoch {
			t.Fatalf("got epoch %d: want the one after the restart", d.Epoch)
		}
	})
}

// tinyJPEG has no picture worth looking at, but all markers.
const tinyJPEG = "\xff\xd8" + "\xff\xc0\x00\x0b\x08\x00\x20\x00\x30\x01\x01\x11\x00" +
	"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" + "\x00" + "\xff\xd9"

// check takes the frame that has come in and holds it against its format's promises.
func check(t *testing.T, v *stream.Cursor, isJPEG bool) stream.Delivery {
	t.Helper()
	d, err := v.Next(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if isJPEG {
		if w, h, err := jpeg.Check(d.Payload); err != nil || w != d.Width || h != d.Height || !d.Key {
			t.Fatalf("a picture of %dx%d, key %v: it is %dx%d, %v", d.Width, d.Height, d.Key, w, h, err)
		}
		return d
	}
	var n h264.Normalizer
	out, info, err := n.Normalize(nil, d.Payload)
	if err != nil || !bytes.Equal(out, d.Payload) || info.Key != d.Key {
		t.Fatalf("%x, key %v: not in wire form: %x, key %v, %v", d.Payload, d.Key, out, info.Key, err)
	}
	if d.Key && (info.Width != d.Width || info.Height != d.Height || !info.Params.Equal(d.Params.(*h264.ParamSets))) {
		t.Fatalf("%dx%d: its parameter sets say %dx%d", d.Width, d.Height, info.Width, info.Height)
	}
	return d
}

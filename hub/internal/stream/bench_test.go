package stream_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/media"
)

// BenchmarkAppend measures what a frame costs the stream while viewers wait for it. ns/op ends when all viewers have
// taken the frame.
func BenchmarkAppend(b *testing.B) {
	for _, viewers := range []int{0, 1, 1000} {
		b.Run(fmt.Sprintf("viewers=%d", viewers), func(b *testing.B) {
			s, payload := stream.New(stream.Config{Tracks: media.VideoTracks(media.JPEG)}), make([]byte, 84_000)
			var running, taken sync.WaitGroup
			for range viewers {
				running.Go(func() {
					c := s.NewCursor()
					defer c.Close()
					for {
						if _, err := c.Next(context.Background(), time.Hour); err != nil {
							return
						}
						taken.Done()
					}
				})
			}
			b.ReportAllocs()
			seq := uint64(0)
			for b.Loop() {
				taken.Add(viewers)
				seq++
				s.Append(media.Packet{Seq: seq, Payload: payload})
				taken.Wait()
			}
			s.CloseWithError(errors.New("end"))
			running.Wait()
			if viewers > 0 {
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(viewers), "ns/delivery")
			}
		})
	}
}

// BenchmarkNext measures taking a frame that is there.
func BenchmarkNext(b *testing.B) {
	for _, format := range []media.Codec{media.JPEG, media.H264} {
		b.Run(string(format), func(b *testing.B) {
			s, cam := stream.New(stream.Config{Tracks: media.VideoTracks(format)}), camera{format: format}
			cam.add(s, "Kp")
			c := s.NewCursor()
			defer c.Close()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Next(b.Context(), 0); err != nil {
					b.Fatal(err)
				}
				c.Rewind() // as if it were new again
			}
		})
	}
}

package web

import (
	"fmt"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/media"
	"github.com/bramble-cam/bramble/shared/frame"
)

// BenchmarkWSDelivery measures a picture's way to one slot and that of its acknowledgement back, including the
// client.
func BenchmarkWSDelivery(b *testing.B) {
	for _, size := range []int{10 << 10, 100 << 10} {
		b.Run(fmt.Sprintf("%dkB", size>>10), func(b *testing.B) {
			r := newFixture(b, stream.Config{}, func(s *Server) { s.times.Idle = time.Hour })
			cam := r.camera("desk", frame.JPEG)
			picture := make([]byte, size)
			show := func() { cam.append(media.Packet{Payload: picture}) }
			show()
			c := r.dial()
			c.say(`{"op":"watch","slot":1,"camera":"desk","kind":"jpeg"}`)
			c.expect("watching", 1)
			c.frame(1)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			n := uint32(0)
			for b.Loop() {
				n++
				c.ack(1, n)
				show()
				c.frame(1)
			}
		})
	}
}

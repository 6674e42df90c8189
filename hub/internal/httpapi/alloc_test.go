package httpapi

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/cameras"
	"github.com/bramble-cam/bramble/hub/internal/connwriter"
	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/codec/h264"
	"github.com/bramble-cam/bramble/internal/media"
	"github.com/bramble-cam/bramble/shared/frame"
)

// drained returns the server's end of a TCP connection whose other end reads all there is.
func drained(t testing.TB) net.Conn {
	t.Helper()
	l := listen(t)
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 256<<10)
		for err := error(nil); err == nil; {
			_, err = client.Read(buf)
		}
	}()
	t.Cleanup(func() {
		_ = server.Close() // ends the reader
		<-done
		_ = client.Close()
		_ = l.Close()
	})
	return server
}

// deliver returns a function that hands one more frame to each of n viewers, whose loops run, over conn.
func deliver(t testing.TB, format frame.Format, conn net.Conn, n int) func() {
	h := newHouse(t, stream.Config{})
	c := h.camera("c", format)
	u := units(t, "slices.h264")[0]
	ctx, cancel := context.WithCancel(context.Background())
	var loops, taken sync.WaitGroup
	t.Cleanup(func() {
		cancel()
		loops.Wait()
	})
	for range n {
		v, err := c.Subscribe(media.Codec(format), cameras.Viewer)
		if err != nil {
			t.Fatal(err)
		}
		view := &viewing{viewer: v, out: connwriter.New(ctx, conn, time.Hour, time.Hour), ctx: ctx, quiet: time.Hour}
		show := (&mjpegViewer{viewing: view}).show
		if format == frame.H264 {
			show = (&mp4Viewer{viewing: view, params: u.params}).show
		}
		loops.Go(func() {
			defer v.Close()
			view.run(func(d stream.Delivery) error {
				defer taken.Done()
				return show(d)
			}, noStill)
			if view.err != nil {
				t.Error(view.err)
			}
		})
	}
	return func() {
		taken.Add(n)
		if format == frame.JPEG {
			c.append(media.Packet{Payload: u.data})
		} else {
			c.access(unit{u.data, true, u.params})
		}
		taken.Wait()
	}
}

// TestAllocations counts what a viewer costs per frame: nothing. What is made once for all viewers is not counted.
func TestAllocations(t *testing.T) {
	for _, format := range []frame.Format{frame.JPEG, frame.H264} {
		for name, conn := range map[string]net.Conn{"discard": discard{}, "tcp": drained(t)} {
			t.Run(string(format)+"/"+name, func(t *testing.T) {
				one := testing.AllocsPerRun(500, deliver(t, format, conn, 1))
				many := testing.AllocsPerRun(500, deliver(t, format, conn, 11))
				if per := (many - one) / 10; per > 0.05 {
					t.Errorf("%.1f allocations per frame and viewer (%v with one viewer, %v with eleven)", per, one, many)
				}
			})
		}
	}
}

// The NALUs of a fixture are as its units have them: what other tests compare with is sound.
func TestUnits(t *testing.T) {
	list := units(t, "slices.h264")
	keys := 0
	for _, u := range list {
		slices := 0
		for nalu := range h264.NALUs(u.marked(1, 100).data) {
			if kind := nalu[0] & 0x1f; kind == 1 || kind == 5 {
				slices++
			}
		}
		if slices != 4 || u.params != list[0].params {
			t.Errorf("%d slices", slices)
		}
		if u.key {
			keys++
		}
	}
	if len(list) != 24 || keys != 3 {
		t.Errorf("%d pictures, %d key frames", len(list), keys)
	}
}

// BenchmarkDelivery measures what one more frame costs a hub with 10 viewers, with everything but the kernel.
func BenchmarkDelivery(b *testing.B) {
	for _, format := range []frame.Format{frame.JPEG, frame.H264} {
		b.Run(string(format), func(b *testing.B) {
			next := deliver(b, format, discard{}, 10)
			b.ReportAllocs()
			for b.Loop() {
				next()
			}
		})
	}
}

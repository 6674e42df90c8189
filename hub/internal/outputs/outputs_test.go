package outputs_test

import (
	"bytes"
	"io"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/output"
	"github.com/bramble-cam/bramble/hub/internal/output/outputtest"
	"github.com/bramble-cam/bramble/hub/internal/outputs"
	"github.com/bramble-cam/bramble/internal/media"
	"github.com/bramble-cam/bramble/internal/testutil"
)

const fixtures = "../../../internal/codec/h264/testdata"

// All outputs have a name that fits a signed link, and say what lists need.
func TestSpecs(t *testing.T) {
	reg := outputs.All()
	names := reg.Names()
	for _, s := range reg.Specs() {
		if s.Label == "" || s.ContentType == "" || !strings.HasPrefix(s.OpenAPI, "get:\n") ||
			strings.Trim(s.Name, "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
			t.Errorf("%+v", s)
		}
		if o, ok := reg.HTTP(s.Name); !ok || o.Spec().Name != s.Name {
			t.Errorf("%s is not found", s.Name)
		}
	}
	if slices.Sort(names); len(slices.Compact(names)) != len(reg.Names()) {
		t.Errorf("%v has one twice", names)
	}
	if _, ok := reg.HTTP("avi"); ok {
		t.Error("there is no avi")
	}
	if got := reg.NamesFor(media.JPEG, false); !slices.Equal(got, []string{"jpeg", "mjpeg"}) {
		t.Errorf("of JPEG there are %v", got)
	}
	if got := reg.NamesFor(media.H264, true); !slices.Equal(got, reg.Names()) {
		t.Errorf("with ffmpeg there are %v", got)
	}
}

// streams returns the outputs that are streams.
func streams() (list []output.HTTPOutput) {
	reg := outputs.All()
	for _, name := range reg.Names() {
		if o, _ := reg.HTTP(name); name != "jpeg" {
			list = append(list, o)
		}
	}
	return list
}

// discard is a connection that takes everything.
type discard struct{ net.Conn }

func (discard) Write(b []byte) (int, error)      { return len(b), nil }
func (discard) SetWriteDeadline(time.Time) error { return nil }
func (discard) Close() error                     { return nil }

// drained returns the server's end of a TCP connection whose other end reads all there is.
func drained(t testing.TB) net.Conn {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	var reader sync.WaitGroup
	reader.Go(func() {
		_, _ = io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{client}, make([]byte, 256<<10))
	})
	t.Cleanup(func() {
		_ = server.Close() // ends the reader
		reader.Wait()
		_ = client.Close()
		_ = l.Close()
	})
	return server
}

// deliver returns a function that gives one more frame to each of n viewers in an output, over a connection each.
func deliver(t testing.TB, o output.HTTPOutput, conn func() net.Conn, n int) func() {
	t.Helper()
	hub := outputtest.New(t)
	hub.Timing.Idle = time.Hour
	cam := hub.Camera("c", o.Spec().Codec)
	unit := outputtest.Units(t, fixtures, "slices.h264")[0]
	appendFrame := func() {
		if cam.Codec == media.JPEG {
			cam.Picture(unit.Data)
		} else {
			cam.Access(unit)
		}
	}
	appendFrame()
	for range n {
		if _, err := hub.ServeConn(conn(), o, cam, nil); err != nil {
			t.Fatal(err)
		}
	}
	sent := cam.Stream.FramesOut.Load
	testutil.Eventually(t, "all have the first frame", func() bool { return sent() == uint64(n) })
	return func() {
		before := sent()
		appendFrame()
		for sent() < before+uint64(n) {
			runtime.Gosched()
		}
	}
}

// TestAllocations counts what a viewer costs per frame: nothing. What is made once for all viewers is not counted.
func TestAllocations(t *testing.T) {
	for _, o := range streams() {
		for name, conn := range map[string]func() net.Conn{
			"discard": func() net.Conn { return discard{} },
			"tcp":     func() net.Conn { return drained(t) },
		} {
			t.Run(o.Spec().Name+"/"+name, func(t *testing.T) {
				one := testing.AllocsPerRun(500, deliver(t, o, conn, 1))
				many := testing.AllocsPerRun(500, deliver(t, o, conn, 11))
				if per := (many - one) / 10; per > 0.05 {
					t.Errorf("%.1f allocations per frame and viewer (%v with one viewer, %v with eleven)", per, one, many)
				}
			})
		}
	}
}

// BenchmarkDelivery measures what one more frame costs a hub with 10 viewers, with everything but the kernel.
func BenchmarkDelivery(b *testing.B) {
	for _, o := range streams() {
		b.Run(o.Spec().Name, func(b *testing.B) {
			next := deliver(b, o, func() net.Conn { return discard{} }, 10)
			b.ReportAllocs()
			for b.Loop() {
				next()
			}
		})
	}
}

// recorder is a connection that keeps the slices that were written to it.
type recorder struct {
	discard
	took chan []byte
}

func (r recorder) Write(b []byte) (int, error) {
	r.took <- b
	return len(b), nil
}

// Viewers are sent the same memory. Only what differs between viewers is made for each.
func TestSharedMemory(t *testing.T) {
	for _, o := range streams() {
		if o.Spec().Name == "ts" { // each transport packet has the client's continuity counter
			continue
		}
		t.Run(o.Spec().Name, func(t *testing.T) {
			hub := outputtest.New(t)
			hub.Timing.Idle = time.Hour
			cam := hub.Camera("c", o.Spec().Codec)
			unit := outputtest.Units(t, fixtures, "slices.h264")[0]
			cam.Append(media.Packet{Payload: unit.Data, Key: true, Params: unit.Params})
			slice := unit.Data[len(unit.Data)-64:] // which every output has in one piece
			var first []byte
			for range 2 {
				conn := recorder{took: make(chan []byte, 100)}
				if _, err := hub.ServeConn(conn, o, cam, nil); err != nil {
					t.Fatal(err)
				}
				got := testutil.Receive(t, "a write", conn.took)
				for !bytes.Contains(got, slice) {
					got = testutil.Receive(t, "the picture", conn.took)
				}
				if first == nil {
					first = got
				} else if &first[0] != &got[0] {
					t.Error("each viewer has a copy")
				}
			}
		})
	}
}

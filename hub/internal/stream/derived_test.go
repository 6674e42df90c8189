package stream_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/bramble-cam/bramble/hub/internal/stream"
)

// What two outputs make of a packet. The type is the key: both are bytes.
type (
	header   []byte
	fragment []byte
)

func TestCachedBuildsOnce(t *testing.T) {
	p := &stream.Packet{Index: 7}
	errBuild := errors.New("cannot be made")
	var headers, fragments atomic.Int32
	var viewers sync.WaitGroup
	start := make(chan struct{})
	for range 50 {
		viewers.Go(func() {
			<-start
			h, err := stream.Cached(p, func(p *stream.Packet) (header, error) {
				headers.Add(1)
				return header{byte(p.Index)}, nil
			})
			if err != nil || len(h) != 1 || h[0] != 7 {
				t.Errorf("header %v, %v", h, err)
			}
			f, err := stream.Cached(p, func(*stream.Packet) (fragment, error) {
				fragments.Add(1)
				return nil, errBuild
			})
			if f != nil || !errors.Is(err, errBuild) {
				t.Errorf("fragment %v, %v: want the error of its build", f, err)
			}
		})
	}
	close(start)
	viewers.Wait()
	if headers.Load() != 1 || fragments.Load() != 1 {
		t.Errorf("built %d and %d times: want once each", headers.Load(), fragments.Load())
	}
}

// A reader that finds the result made costs no garbage.
func TestCachedDoesNotAllocate(t *testing.T) {
	p := &stream.Packet{}
	build := func(*stream.Packet) (header, error) { return header{1}, nil }
	if n := testing.AllocsPerRun(100, func() { _, _ = stream.Cached(p, build) }); n != 0 {
		t.Errorf("%v allocations for a reader: want 0", n)
	}
}

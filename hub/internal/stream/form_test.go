package stream

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
)

func TestMadeOnce(t *testing.T) {
	f := &Packet{Index: 7}
	errBuild := errors.New("cannot be made")
	var parts, fragments atomic.Int32
	var viewers sync.WaitGroup
	start := make(chan struct{})
	for range 50 {
		viewers.Go(func() {
			<-start
			part, err := Cached(f, Part, func(f *Packet) (*uint64, error) {
				parts.Add(1)
				return &f.Index, nil
			})
			if err != nil || part != &f.Index {
				t.Errorf("part %v, %v", part, err)
			}
			fragment, err := Cached(f, Fragment, func(*Packet) ([]byte, error) {
				fragments.Add(1)
				return nil, errBuild
			})
			if fragment != nil || !errors.Is(err, errBuild) {
				t.Errorf("fragment %v, %v: want the error of the one who built it", fragment, err)
			}
		})
	}
	close(start)
	viewers.Wait()
	if parts.Load() != 1 || fragments.Load() != 1 {
		t.Errorf("built %d and %d times: want once each", parts.Load(), fragments.Load())
	}
}

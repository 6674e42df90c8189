package ingest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/hub/internal/cameras"
	"github.com/bramble-cam/bramble/shared/status"
)

// TestStatusRequestsAreShared: a thousand concurrent callers share one question.
// So do callers within half a second of its answer.
func TestStatusRequestsAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		q := newStatusRequests(func(ctx context.Context, camera string) (status.Status, error) {
			<-time.After(100 * time.Millisecond)
			return status.Status{Camera: camera, Frames: uint64(asked.Add(1))}, ctx.Err()
		})
		defer q.end()
		expect := func(camera string, want uint64) {
			t.Helper()
			s, err := q.do(t.Context(), camera)
			if err != nil || s.Camera != camera || s.Frames != want {
				t.Errorf("%s: %d, %v, want %d", s.Camera, s.Frames, err, want)
			}
		}
		var all sync.WaitGroup
		for range 1000 {
			all.Go(func() { expect("porch", 1) })
		}
		all.Wait()
		<-time.After(answerTTL - time.Millisecond)
		expect("porch", 1)
		expect("yard", 2)
		<-time.After(time.Millisecond)
		expect("porch", 3)
		q.invalidate("porch", nil) // its settings were changed
		expect("porch", 4)
		<-time.After(time.Minute)
		q.mu.Lock()
		defer q.mu.Unlock()
		if len(q.current) != 0 {
			t.Errorf("%d answers are kept for ever", len(q.current))
		}
	})
}

// TestWhichAnswersAreKept: answers of an agent, including refusals, are kept for half a second.
// A failure to reach the agent is not kept.
func TestWhichAnswersAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			err  error
			kept bool
		}{
			{&cameras.RefusedError{Code: 429}, true},
			{fmt.Errorf("x: %w", errInvalidAnswer), true},
			{cameras.ErrNoAgent, false},
			{nats.ErrConnectionClosed, false},
		} {
			asked := 0
			q := newStatusRequests(func(context.Context, string) (status.Status, error) {
				asked++
				return status.Status{}, c.err
			})
			for range 2 {
				if _, err := q.do(t.Context(), "porch"); !errors.Is(err, c.err) {
					t.Errorf("%v: %v", c.err, err)
				}
				synctest.Wait()
			}
			if (asked == 1) != c.kept {
				t.Errorf("%v: asked %d times", c.err, asked)
			}
			q.end()
		}
	})
}

// TestStatusRequestOutlivesItsFirstCaller: a caller that leaves does not end the question for others.
func TestStatusRequestOutlivesItsFirstCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newStatusRequests(func(ctx context.Context, camera string) (status.Status, error) {
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
			return status.Status{Camera: camera}, ctx.Err()
		})
		defer q.end()
		first, leave := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := q.do(first, "porch"); !errors.Is(err, context.Canceled) {
				t.Errorf("who has left: %v", err)
			}
		})
		synctest.Wait()
		all.Go(func() {
			if s, err := q.do(t.Context(), "porch"); err != nil || s.Camera != "porch" {
				t.Errorf("who has stayed: %+v, %v", s, err)
			}
		})
		synctest.Wait()
		leave()
		all.Wait()
	})
}

// TestStatusRequestsEnd: after the end no caller waits, and no question is asked.
func TestStatusRequestsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newStatusRequests(func(ctx context.Context, _ string) (status.Status, error) {
			<-ctx.Done()
			return status.Status{}, ctx.Err()
		})
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := q.do(t.Context(), "porch"); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
		synctest.Wait()
		q.end()
		all.Wait()
		if _, err := q.do(t.Context(), "yard"); !errors.Is(err, context.Canceled) {
			t.Errorf("after the end: %v", err)
		}
	})
}

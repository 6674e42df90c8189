package ingest

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/cameras"
	"github.com/bramble-cam/bramble/shared/status"
)

const (
	// answerTTL is how long an agent's answer serves other callers. The load of a Pi must not grow with its viewers.
	answerTTL = 500 * time.Millisecond

	// answerTimeout is how long an agent may take to answer.
	answerTimeout = 2 * time.Second
)

// statusRequests sends each camera's agent one request at a time, for all callers, and keeps the answer for answerTTL.
// golang.org/x/sync/singleflight keeps no answers, and nothing waits for its goroutines.
type statusRequests struct {
	send func(ctx context.Context, camera string) (status.Status, error)
	ctx  context.Context // of all requests
	stop context.CancelFunc

	mu      sync.Mutex
	ended   bool                      // guarded by mu
	current map[string]*statusRequest // by camera: open ones, or answered just now; guarded by mu

	running sync.WaitGroup
}

// statusRequest is one request to one agent.
type statusRequest struct {
	done   chan struct{} // closed when there is an answer
	status status.Status // shared with other callers: do not modify
	err    error
}

func newStatusRequests(send func(context.Context, string) (status.Status, error)) *statusRequests {
	q := &statusRequests{send: send, current: make(map[string]*statusRequest)}
	q.ctx, q.stop = context.WithCancel(context.Background())
	return q
}

// do returns the answer of the camera's agent, which may be up to answerTTL old.
// ctx ends the wait but not the request: others may wait for it.
func (q *statusRequests) do(ctx context.Context, camera string) (status.Status, error) {
	r := q.request(camera)
	select {
	case <-r.done:
		return r.status, r.err
	case <-ctx.Done():
		return status.Status{}, ctx.Err()
	}
}

// request returns the current request to the camera's agent.
func (q *statusRequests) request(camera string) *statusRequest {
	q.mu.Lock()
	defer q.mu.Unlock()
	r := q.current[camera]
	if r != nil {
		return r
	}
	r = &statusRequest{done: make(chan struct{})}
	if q.ended {
		r.err = context.Canceled
		close(r.done)
		return r
	}
	q.current[camera] = r
	q.running.Go(func() {
		ctx, cancel := context.WithTimeout(q.ctx, answerTimeout)
		defer cancel()
		r.status, r.err = q.send(ctx, camera)
		close(r.done)
		if !fromAgent(r.err) { // the next request may succeed, and it costs the agent nothing
			q.invalidate(camera, r)
			return
		}
		time.AfterFunc(answerTTL, func() { q.invalidate(camera, r) })
	})
	return r
}

// fromAgent reports whether err, which may be nil, is an agent's answer.
func fromAgent(err error) bool {
	var refused *cameras.RefusedError
	return err == nil || errors.As(err, &refused) || errors.Is(err, errInvalidAnswer)
}

// invalidate makes the next caller get a new answer. With r it does so only while that is the current request.
func (q *statusRequests) invalidate(camera string, r *statusRequest) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if r == nil || q.current[camera] == r {
		delete(q.current, camera)
	}
}

// end ends all requests and returns when they have ended.
func (q *statusRequests) end() {
	q.mu.Lock()
	q.ended = true
	q.mu.Unlock()
	q.stop()
	q.running.Wait()
}

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
	// keepAnswer is how long an agent's answer serves other callers. The load of a Pi must not grow with its viewers.
	keepAnswer = 500 * time.Millisecond

	// answerTimeout is how long an agent may take to answer.
	answerTimeout = 2 * time.Second
)

// questions asks each camera's agent one question at a time, for all callers, and keeps the answer for keepAnswer.
// golang.org/x/sync/singleflight keeps no answers, and nothing waits for its goroutines.
type questions struct {
	ask  func(ctx context.Context, camera string) (status.Status, error)
	ctx  context.Context // of all questions
	stop context.CancelFunc

	mu      sync.Mutex
	ended   bool                 // guarded by mu
	current map[string]*question // by camera: open ones, or answered just now; guarded by mu

	asking sync.WaitGroup
}

// question is one question to one agent.
type question struct {
	done   chan struct{} // closed when there is an answer
	status status.Status // shared with other callers: do not modify
	err    error
}

func newQuestions(ask func(context.Context, string) (status.Status, error)) *questions {
	q := &questions{ask: ask, current: make(map[string]*question)}
	q.ctx, q.stop = context.WithCancel(context.Background())
	return q
}

// answer returns the answer of the camera's agent, which may be up to keepAnswer old.
// ctx ends the wait but not the question: others may wait for it.
func (q *questions) answer(ctx context.Context, camera string) (status.Status, error) {
	asked := q.of(camera)
	select {
	case <-asked.done:
		return asked.status, asked.err
	case <-ctx.Done():
		return status.Status{}, ctx.Err()
	}
}

// of returns the current question to the camera's agent.
func (q *questions) of(camera string) *question {
	q.mu.Lock()
	defer q.mu.Unlock()
	asked := q.current[camera]
	if asked != nil {
		return asked
	}
	asked = &question{done: make(chan struct{})}
	if q.ended {
		asked.err = context.Canceled
		close(asked.done)
		return asked
	}
	q.current[camera] = asked
	q.asking.Go(func() {
		ctx, cancel := context.WithTimeout(q.ctx, answerTimeout)
		defer cancel()
		asked.status, asked.err = q.ask(ctx, camera)
		close(asked.done)
		if !fromAgent(asked.err) { // the next question may succeed, and it costs the agent nothing
			q.forget(camera, asked)
			return
		}
		time.AfterFunc(keepAnswer, func() { q.forget(camera, asked) })
	})
	return asked
}

// fromAgent reports whether err, which may be nil, is an agent's answer.
func fromAgent(err error) bool {
	var refused *cameras.RefusedError
	return err == nil || errors.As(err, &refused) || errors.Is(err, errNoSense)
}

// forget makes the next caller get a new answer. With asked it does so only while that is the current question.
func (q *questions) forget(camera string, asked *question) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if asked == nil || q.current[camera] == asked {
		delete(q.current, camera)
	}
}

// end ends all questions and returns when they have ended.
func (q *questions) end() {
	q.mu.Lock()
	q.ended = true
	q.mu.Unlock()
	q.stop()
	q.asking.Wait()
}

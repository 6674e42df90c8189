package password

import (
	"context"
	"net/http"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/problem"
	"github.com/bramble-cam/bramble/internal/secret"
)

const (
	// maxVerifying bounds concurrent password checks: each takes 19 MiB and one processor.
	maxVerifying = 2

	// maxQueued bounds the checks that wait for their turn.
	maxQueued = 32

	// freeAfter is the time from the last check until its memory is returned to the system.
	freeAfter = 2 * time.Second
)

// ErrBusy says that too many passwords are being checked already.
var ErrBusy error = problem.Kind{
	Text: "too many logins at once: try again in a moment", Title: "Too many logins",
	Status: http.StatusServiceUnavailable, RetryAfter: 1,
}

// Verifier checks passwords, few at a time.
type Verifier struct {
	slots  chan struct{}
	queued atomic.Int32
	idle   *time.Timer // returns memory when logins have stopped
}

// NewVerifier returns a Verifier.
func NewVerifier() *Verifier {
	v := &Verifier{slots: make(chan struct{}, min(maxVerifying, runtime.GOMAXPROCS(0)))}
	v.idle = time.AfterFunc(freeAfter, debug.FreeOSMemory)
	v.idle.Stop()
	return v
}

// Acquire waits for the turn of a check. The error is ErrBusy or ctx's. Call Release after the check.
func (v *Verifier) Acquire(ctx context.Context) error {
	if v.queued.Add(1) > maxQueued {
		v.queued.Add(-1)
		return ErrBusy
	}
	defer v.queued.Add(-1)
	select {
	case v.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Release ends a turn.
func (v *Verifier) Release() {
	<-v.slots
	v.idle.Reset(freeAfter)
}

// Verify reports whether the password of an existing user is right. Call it between Acquire and Release.
// It takes the same time whether the user exists or not.
// After a wrong password it pauses for as long as the check took.
// So guessing takes at most half of a processor from viewers.
func (v *Verifier) Verify(hash string, exists bool, password secret.Text) bool {
	began := time.Now()
	right := matches(hash, exists, password)
	if !right {
		<-time.After(time.Since(began))
	}
	return right
}

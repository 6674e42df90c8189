package agent

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/bramble-cam/bramble/internal/systemd"
)

// watchdog knows the cameras that must not hang.
type watchdog struct {
	mu      sync.Mutex
	cameras []*camera // guarded by mu
}

func (w *watchdog) add(c *camera) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cameras = append(w.cameras, c)
}

func (w *watchdog) remove(c *camera) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cameras = slices.DeleteFunc(w.cameras, func(other *camera) bool { return other == c })
}

// stalled returns what hangs, or "".
func (w *watchdog) stalled() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	for _, c := range w.cameras {
		if problem := c.stalled(now); problem != "" {
			return problem
		}
	}
	return ""
}

// notifySystemd tells systemd that the agent is ready, and feeds its watchdog while no camera hangs. The function
// that it returns ends that. The agent is ready when its configuration is right: NATS and cameras may come later, and
// a restart would not bring them.
func (a *Agent) notifySystemd(ctx context.Context, w *watchdog) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { _ = systemd.Notify(ctx, a.log, w.stalled) }) // it never fails
	return func() {
		cancel()
		running.Wait()
	}
}

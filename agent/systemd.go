package agent

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// supervisor tells systemd, if it has started this process, that the agent is up and that nothing in it hangs.
type supervisor struct {
	log *slog.Logger

	mu      sync.Mutex
	cameras []*camera // guarded by mu
}

func newSupervisor(log *slog.Logger) *supervisor { return &supervisor{log: log} }

// watch makes a camera one of those that must not hang.
func (v *supervisor) watch(c *camera) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.cameras = append(v.cameras, c)
}

// forget undoes watch.
func (v *supervisor) forget(c *camera) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.cameras = slices.DeleteFunc(v.cameras, func(other *camera) bool { return other == c })
}

// run says that the agent is up, keeps its watchdog fed in the background, and says at the end that it stops. The function that it returns waits for that
// end. The agent is up when its configuration is right: NATS and cameras may come later, and no restart would bring them.
func (v *supervisor) run(ctx context.Context) (wait func()) {
	v.notify(daemon.SdNotifyReady)
	interval, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		v.log.Warn("systemd's watchdog is not used: its environment makes no sense", "err", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	var g sync.WaitGroup
	if interval > 0 {
		g.Go(func() { v.feed(ctx, interval/3) })
	}
	return func() {
		v.notify(daemon.SdNotifyStopping)
		cancel()
		g.Wait()
	}
}

func (v *supervisor) feed(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	said := ""
	for {
		switch why := v.stuck(time.Now()); {
		case why == "":
			v.notify(daemon.SdNotifyWatchdog)
		case why != said:
			v.log.Error("the watchdog is not fed, so that systemd starts the agent anew", "reason", why)
			said = why
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// stuck returns what does not go on any more, or "".
func (v *supervisor) stuck(now time.Time) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, c := range v.cameras {
		if why := c.stuck(now); why != "" {
			return why
		}
	}
	return ""
}

func (v *supervisor) notify(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		v.log.Debug("systemd was not told", "state", state, "err", fmt.Sprint(err))
	}
}

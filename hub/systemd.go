package hub

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"github.com/bramble-cam/bramble/hub/internal/cameras"
)

// probeLocks takes the locks without which no viewer is served.
func probeLocks(reg *cameras.Registry) {
	for _, c := range reg.Cameras() {
		c.Info()
	}
}

// supervise tells systemd, if it has started this process, that the hub is up, and feeds its watchdog until ctx ends. alive returns when what viewers depend on
// answers: as long as it does not, the watchdog starves. NATS elsewhere and cameras are no part of that, since no restart would bring them back. It
// never fails.
func supervise(ctx context.Context, log *slog.Logger, alive func()) error {
	notify := func(state string) {
		if _, err := daemon.SdNotify(false, state); err != nil {
			log.Debug("systemd was not told", "state", state, "err", fmt.Sprint(err))
		}
	}
	notify(daemon.SdNotifyReady)
	defer notify(daemon.SdNotifyStopping)
	interval, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		log.Warn("systemd's watchdog is not used: its environment makes no sense", "err", err)
	}
	if interval <= 0 {
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(interval / 3)
	defer tick.Stop()
	for {
		alive()
		notify(daemon.SdNotifyWatchdog)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

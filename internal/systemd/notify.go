package systemd

import (
	"context"
	"log/slog"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"github.com/bramble-cam/bramble/internal/logkey"
)

// Notify tells systemd, if systemd has started this process, that the service is ready, and when ctx ends that it
// stops. Meanwhile it feeds the watchdog as long as health returns "": the text says what hangs. While health itself
// hangs the watchdog is not fed either. Health must not depend on what a restart cannot repair. Notify never fails.
func Notify(ctx context.Context, log *slog.Logger, health func() string) error {
	notify := func(state string) {
		if _, err := daemon.SdNotify(false, state); err != nil {
			log.Debug("systemd was not told", "state", state, logkey.Err, err.Error())
		}
	}
	notify(daemon.SdNotifyReady)
	defer notify(daemon.SdNotifyStopping)
	interval, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		log.Warn("systemd's watchdog is not used: its environment makes no sense", logkey.Err, err)
	}
	if interval <= 0 {
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(interval / 3)
	defer tick.Stop()
	lastProblem := ""
	for {
		switch problem := health(); {
		case problem == "":
			notify(daemon.SdNotifyWatchdog)
		case problem != lastProblem:
			log.Error("the watchdog is not fed, so systemd will restart this service", "reason", problem)
			lastProblem = problem
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

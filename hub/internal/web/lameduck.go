package web

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/viewers"
)

// errDraining ends a viewer of a hub that is about to stop.
var errDraining = errors.New("the hub is about to stop")

// lameDuck drains a server of its viewers before it stops.
type lameDuck struct {
	viewers *viewers.Tracker
	time    time.Duration // that it takes; 0: none, all viewers end at once
	log     *slog.Logger
}

// drain disconnects the viewers whose parent is ctx. /readyz fails meanwhile, so that a load balancer sends no more
// clients, but requests are still served. In the second half of the time viewers end one by one, so that they do not
// all reconnect to other hubs at once. It returns early with the error of a server that has failed.
func (l lameDuck) drain(ctx context.Context, failed <-chan error) error {
	half := l.time / 2
	if half <= 0 {
		return nil
	}
	middle := time.Now().Add(half)
	l.log.Info("draining viewers before shutdown", "time", l.time)
	if err := waitUntil(middle, failed); err != nil {
		return err
	}
	list := l.viewers.WithParent(ctx)
	for i, v := range list {
		if err := waitUntil(middle.Add(half*time.Duration(i)/time.Duration(len(list))), failed); err != nil {
			return err
		}
		v.Disconnect(errDraining)
	}
	return waitUntil(middle.Add(half), failed)
}

// waitUntil returns at t, or with what comes from failed.
func waitUntil(t time.Time, failed <-chan error) error {
	timer := time.NewTimer(time.Until(t))
	defer timer.Stop()
	select {
	case err := <-failed:
		return err
	case <-timer.C:
		return nil
	}
}

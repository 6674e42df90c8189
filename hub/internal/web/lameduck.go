package web

import (
	"errors"
	"time"
)

// errDraining ends a viewer of a hub that is about to stop.
var errDraining = errors.New("the hub is about to stop")

// drain disconnects viewers before the server stops. /readyz fails from its start, so that a load balancer sends no more
// clients, but requests are still served. In the second half of the time viewers end one by one, so that they do not all
// reconnect to other hubs at once. It returns early with the error of a server that has failed.
func (s *Server) drain(failed <-chan error) error {
	s.draining.Store(true)
	half := s.cfg.LameDuck / 2
	if half <= 0 {
		return nil
	}
	middle := time.Now().Add(half)
	s.cfg.Log.Info("draining viewers before shutdown", "time", s.cfg.LameDuck)
	if err := waitUntil(middle, failed); err != nil {
		return err
	}
	list := s.tracker.WithParent(s.ending)
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

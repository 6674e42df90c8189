package httpapi

import (
	"errors"
	"time"
)

// errLeave ends a viewer of a hub that is about to stop.
var errLeave = errors.New("the hub is about to stop")

// lameDuck lets the viewers go before the server stops. From the beginning it is not ready, so that a balancer sends nobody any more, who would yet be served; in the second half of the
// time viewers end one after the other, so that they do not all come to other hubs at once. It returns early with the error of a server that has failed.
func (s *Server) lameDuck(failed <-chan error) error {
	s.lame.Store(true)
	half := s.cfg.LameDuck / 2
	if half <= 0 {
		return nil
	}
	middle := time.Now().Add(half)
	s.cfg.Log.Info("viewers are let go, then the hub stops", "time", s.cfg.LameDuck)
	if err := waitUntil(middle, failed); err != nil {
		return err
	}
	list := s.tracker.WithParent(s.ending)
	for i, v := range list {
		if err := waitUntil(middle.Add(half*time.Duration(i)/time.Duration(len(list))), failed); err != nil {
			return err
		}
		v.Disconnect(errLeave)
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

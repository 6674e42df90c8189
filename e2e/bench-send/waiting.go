//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
)

// serve sends the newest picture to one viewer, again and again: the way that all others are compared with.
func (s *sender) serve(o *outlet) {
	var vec [3][]byte
	for {
		p := s.next(o.last)
		if p == nil {
			return
		}
		if err := o.sample(); err != nil {
			s.fail(err)
			return
		}
		var err error
		if s.way.push == nil {
			vec = p.slices
			out := net.Buffers(vec[:])
			_, err = out.WriteTo(o.conn)
		} else {
			err = s.wait(o, p, 0)
		}
		if err != nil {
			s.fail(err)
			return
		}
		o.last = p.n
		o.pictures++
	}
}

// next waits for a picture newer than number last. It returns nil in the end.
func (s *sender) next(last uint64) *picture {
	for {
		s.mu.Lock()
		arrived, ended := s.arrived, s.ended
		s.mu.Unlock()
		if ended {
			return nil
		}
		if p := s.newest.Load(); p != nil && p.n > last {
			return p
		}
		<-arrived
	}
}

// finish sends the rest of p, and what is newest then, until the viewer is not behind any more.
func (s *sender) finish(o *outlet, p *picture, from int) {
	for ; p != nil; p, from = s.behind(o), 0 {
		if err := s.wait(o, p, from); err != nil {
			s.fail(err)
			return
		}
		p.release()
	}
}

// behind returns the newest picture if the viewer has not got it yet; if it has, the viewer is the loop's again.
func (s *sender) behind(o *outlet) *picture {
	for {
		last := o.last
		o.busy.Store(false)
		p := s.newest.Load()
		if p.n == last || !o.busy.CompareAndSwap(false, true) {
			return nil
		}
		if p.n > o.last && p.hold() { // else there is a newer one, or the loop was faster
			o.last = p.n
			o.pictures++
			return p
		}
	}
}

// wait sends what lies behind byte from, whenever the socket has room.
func (s *sender) wait(o *outlet, p *picture, from int) error {
	f := s.way.push
	if o.direct != nil {
		f = o.direct // inside of RawConn.Write already
	}
	var fault error
	err := o.raw.Write(func(uintptr) bool {
		from, fault = o.push(f, p, from)
		if fault == nil && from < p.size {
			o.waits++
		}
		return fault != nil || from == p.size
	})
	if err != nil {
		return err
	}
	return fault
}

// report prints what was counted.
func (s *sender) report() error {
	var all counts
	for _, o := range s.outlets {
		all.add(o.counts)
	}
	data, err := json.Marshal(map[string]int{
		"writes": all.writes, "handed": all.handed, "waits": all.waits, "pictures": all.pictures, "completed": all.completed, "copied": all.copied,
		"queued": all.queued, "samples": all.samples,
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(os.Stdout, "counted %s.\n", data)
	return err
}

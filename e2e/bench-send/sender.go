//go:build linux

package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/signal"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// job is what one sender is to do.
type job struct {
	Way     string
	Size    int // bytes of a frame
	Viewers int
	FPS     float64
	Lowat   int  // TCP_NOTSENT_LOWAT in bytes, 0 for the kernel's
	Nagle   bool // without TCP_NODELAY
}

// sender hands pictures to all of its viewers.
type sender struct {
	job
	way
	outlets []*outlet
	ring    *ring
	failed  chan error
	waiting sync.WaitGroup // goroutines of viewers
	newest  atomic.Pointer[picture]

	mu      sync.Mutex    // for goroutines that wait
	arrived chan struct{} // guarded by mu; closed when there is a newer picture
	ended   bool          // guarded by mu
}

// runSender serves until it is interrupted. It says where it listens, and in the end what it counted, on standard output.
func runSender(args []string) error {
	s := &sender{failed: make(chan error, 1), arrived: make(chan struct{})}
	f := flag.NewFlagSet("sender", flag.ContinueOnError)
	text := f.String("job", "", "as JSON")
	if err := f.Parse(args); err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(*text), &s.job); err != nil {
		return err
	}
	all := ways()
	i := slices.IndexFunc(all, func(w way) bool { return w.name == s.Way })
	if i < 0 {
		return fmt.Errorf("there is no way %q", s.Way)
	}
	s.way = all[i]
	if err := openFiles(); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	bodies := noise(s.Size)
	if err := s.accept(); err != nil {
		return err
	}
	err := s.play(ctx, bodies)
	s.end()
	if err != nil {
		return err
	}
	return s.report()
}

func (s *sender) accept() error {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer func() { _ = l.Close() }()
	fmt.Printf("port %d \n", l.Addr().(*net.TCPAddr).Port)
	for range s.Viewers {
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		o, err := newOutlet(conn.(*net.TCPConn))
		if err != nil {
			return err
		}
		if err := s.prepare(o); err != nil {
			return err
		}
		s.outlets = append(s.outlets, o)
	}
	if s.uring {
		s.ring, err = newRing(s.Viewers)
	}
	return err
}

func (s *sender) prepare(o *outlet) error {
	if s.Lowat > 0 {
		if err := unix.SetsockoptInt(o.fd, unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, s.Lowat); err != nil {
			return err
		}
	}
	if s.Nagle {
		if err := o.conn.SetNoDelay(false); err != nil {
			return err
		}
	}
	if s.open != nil {
		return s.open(o)
	}
	return nil
}

// noise returns bodies to send.
func noise(size int) [][]byte {
	bodies := make([][]byte, 8)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range bodies {
		bodies[i] = make([]byte, size)
		for at := range bodies[i] {
			bodies[i][at] = byte(r.Uint32())
		}
	}
	return bodies
}

// play makes a picture at each tick and hands it on.
func (s *sender) play(ctx context.Context, bodies [][]byte) error {
	if s.each {
		for _, o := range s.outlets {
			s.waiting.Go(func() { s.serve(o) })
		}
	}
	tick := time.NewTicker(time.Duration(float64(time.Second) / s.FPS))
	defer tick.Stop()
	for n := uint64(1); ; n++ {
		select {
		case <-ctx.Done():
			return nil
		case err := <-s.failed:
			return err
		case <-tick.C:
		}
		// A hub reads the frame from NATS before. Without any system call of this kind the scheduler's monitor would sleep, and the loops look cheaper than they are.
		if _, _, errno := unix.Syscall(unix.SYS_GETPPID, 0, 0, 0); errno != 0 {
			return errno
		}
		if err := s.deliver(newPicture(n, bodies[n%uint64(len(bodies))])); err != nil {
			return err
		}
	}
}

func (s *sender) deliver(p *picture) error {
	if s.ready != nil {
		if err := s.ready(p); err != nil {
			return err
		}
	}
	if old := s.newest.Swap(p); old != nil {
		old.release()
	}
	if s.each {
		s.mu.Lock()
		close(s.arrived)
		s.arrived = make(chan struct{})
		s.mu.Unlock()
		return nil
	}
	if s.ring != nil {
		return s.deliverBatch(p)
	}
	for _, o := range s.outlets {
		if !o.busy.CompareAndSwap(false, true) {
			continue // takes the newest itself when it gets there
		}
		if err := s.to(o, p); err != nil {
			return err
		}
	}
	return nil
}

// deliverBatch sends p to all who are not behind.
func (s *sender) deliverBatch(p *picture) error {
	var todo []*outlet
	for _, o := range s.outlets {
		if !o.busy.CompareAndSwap(false, true) {
			continue
		}
		if err := o.sample(); err != nil {
			return err
		}
		todo = append(todo, o)
	}
	took, err := s.ring.send(todo, p)
	if err != nil {
		return err
	}
	for i, o := range todo {
		from, err := took[i], error(nil)
		if from > 0 && from < p.size {
			from, err = o.push(s.way.push, p, from)
		}
		if err != nil {
			return err
		}
		s.settle(o, p, from)
	}
	return nil
}

// to sends p to one viewer, which is marked busy. If the socket is full a goroutine does the rest.
func (s *sender) to(o *outlet, p *picture) error {
	if err := o.sample(); err != nil {
		return err
	}
	from, err := o.push(s.way.push, p, 0)
	if err == nil && s.after != nil && p.n%8 == 0 {
		err = s.after(o)
	}
	if err != nil {
		return err
	}
	s.settle(o, p, from)
	return nil
}

// settle marks a viewer as done with p, or lets a goroutine send what is left from byte from on.
func (s *sender) settle(o *outlet, p *picture, from int) {
	o.pictures++
	o.last = p.n
	if from == p.size {
		o.busy.Store(false)
		return
	}
	o.handed++
	p.refs.Add(1)
	s.waiting.Go(func() { s.finish(o, p, from) })
}

// end closes all connections and waits for the goroutines of the viewers.
func (s *sender) end() {
	s.mu.Lock()
	s.ended = true
	close(s.arrived)
	s.arrived = make(chan struct{})
	s.mu.Unlock()
	for _, o := range s.outlets {
		_ = o.conn.Close() // what is queued does not count any more
	}
	s.waiting.Wait()
}

// fail ends the sender.
func (s *sender) fail(err error) {
	select {
	case s.failed <- err:
	default: // it has a reason already
	}
}

//go:build linux

package badclients

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/subject"
)

// answerTime is how long a client of NATS waits for an answer.
const answerTime = time.Second

// session connects to NATS again and again until ctx ends. work has a connection, and a context that ends with it.
func (g *client) session(ctx context.Context, work func(context.Context, *nats.Conn)) {
	for ctx.Err() == nil {
		ended := make(chan struct{})
		nc, err := g.connect(nats.NoReconnect(),
			nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { g.answer(err) }),
			nats.ClosedHandler(func(*nats.Conn) { close(ended) }))
		if err != nil {
			g.answer(err)
			pause(ctx, retryPause)
			continue
		}
		g.count(func(o *Outcome) { o.Came++ })
		during, cancel := context.WithCancel(ctx)
		stop := make(chan struct{})
		go func() {
			defer close(stop)
			select {
			case <-ended:
			case <-during.Done():
			}
			cancel()
		}()
		work(during, nc)
		<-stop
		if nc.IsClosed() {
			g.count(func(o *Outcome) { o.Closed++ })
			pause(ctx, retryPause)
			continue
		}
		nc.Close()
		<-ended
	}
}

// answer counts an error of NATS, without the subject that it names.
func (g *client) answer(err error) {
	text, _, _ := strings.Cut(withoutAddresses(err), `"`)
	g.count(func(o *Outcome) { o.Answers[strings.TrimSpace(text)]++ })
}

// deepSubjects subscribes to N subjects of Depth tokens among its own inboxes. The server keeps a node for each token.
func (g *client) deepSubjects(ctx context.Context) {
	g.session(ctx, func(ctx context.Context, nc *nats.Conn) {
		tail := strings.Repeat(".a", g.Depth)
		for range g.N {
			if _, err := nc.Subscribe(nc.NewInbox()+tail, func(*nats.Msg) {}); err != nil {
				return
			}
		}
		<-ctx.Done()
	})
}

// subscribe subscribes N times to the frames of a camera.
func (g *client) subscribe(ctx context.Context) {
	g.session(ctx, func(ctx context.Context, nc *nats.Conn) { g.frames(ctx, nc, g.N) })
}

// connections connects N times, each for the frames of a camera.
func (g *client) connections(ctx context.Context) {
	var running sync.WaitGroup
	for range g.N {
		running.Go(func() {
			g.session(ctx, func(ctx context.Context, nc *nats.Conn) { g.frames(ctx, nc, 1) })
		})
	}
	running.Wait()
}

// frames takes the frames of the camera by n subscriptions.
func (g *client) frames(ctx context.Context, nc *nats.Conn, n int) {
	got := make(chan *nats.Msg, 1024)
	for range n {
		if _, err := nc.ChanSubscribe(subject.Space{}.Frames(g.Target, frame.JPEG), got); err != nil {
			return // closed
		}
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-got:
			g.count(func(o *Outcome) { o.Pictures++ })
		}
	}
}

// ask asks the agent of a camera, N questions at a time.
func (g *client) ask(ctx context.Context) {
	g.session(ctx, func(ctx context.Context, nc *nats.Conn) {
		var asking sync.WaitGroup
		for range g.N {
			asking.Go(func() {
				for ctx.Err() == nil {
					g.askOnce(ctx, nc)
				}
			})
		}
		asking.Wait()
	})
}

func (g *client) askOnce(ctx context.Context, nc *nats.Conn) {
	wait, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	m, err := nc.RequestWithContext(wait, subject.Space{}.Do(g.Target, subject.Verb(g.Verb)), nil)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		g.answer(err)
		pause(ctx, retryPause)
	case m.Header.Get("Nats-Service-Error-Code") != "":
		g.count(func(o *Outcome) { o.Answers[fmt.Sprintf("error %s", m.Header.Get("Nats-Service-Error-Code"))]++ })
	default:
		g.count(func(o *Outcome) { o.Answered++; o.Bytes += len(m.Data) })
	}
}

//go:build linux

package badclients

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/e2e/bench/internal/harness"
	"github.com/bramble-cam/bramble/e2e/bench/internal/loadgen"
	"github.com/bramble-cam/bramble/e2e/bench/internal/syntheticframes"
	"github.com/bramble-cam/bramble/internal/natsconn/credential"
	"github.com/bramble-cam/bramble/internal/secret"
	"github.com/bramble-cam/bramble/shared/frame"
)

// pictures returns a clip of pictures of about size bytes.
func pictures(size int) (*syntheticframes.Clip, error) {
	width, height, count := 1280, 720, 4
	if size > 1<<20 {
		width, height, count = 4608, 2592, 1
	}
	f, err := syntheticframes.Pictures(width, height, size, count)
	if err == nil {
		f.Pad(size)
	}
	return f, err
}

// connect connects as the group's agent or consumer.
func (g *client) connect(more ...nats.Option) (*nats.Conn, error) {
	cred, err := credential.Parse(secret.Text(g.Seed))
	if err != nil {
		return nil, err
	}
	options := cred.AgentOptions()
	if g.Consumer {
		options = cred.Options()
	}
	return nats.Connect(g.NATS, append(options, more...)...)
}

// flood is an agent that sends as many frames a second as it was told, and viewers of its camera.
func (g *client) flood(ctx context.Context) error {
	nc, err := g.connect()
	if err != nil {
		return err
	}
	defer nc.Close()
	g.count(func(o *Outcome) { o.Came++ })
	cam := &harness.Camera{Name: g.Camera, Clip: g.clip}
	began := time.Now()
	var sending sync.WaitGroup
	var fault error
	sending.Go(func() { fault = cam.Publish(ctx, nc) })
	generator := loadgen.New()
	generator.BeginAll()
	var watching sync.WaitGroup
	for range g.Viewers {
		watching.Go(func() {
			for ctx.Err() == nil { // until the hub knows the camera
				if _, err := generator.Watch(ctx, loadgen.Viewer{URL: g.URL, Kind: "mjpeg"}); err != nil {
					pause(ctx, retryPause)
				}
			}
		})
	}
	sending.Wait()
	watching.Wait()
	g.count(func(o *Outcome) { o.Pictures, o.Published = generator.Frames(), cam.Sent(began, time.Now()) })
	if ctx.Err() == nil {
		return fault
	}
	return nil
}

// tooBig is an agent that ignores max_payload.
func (g *client) tooBig(ctx context.Context) error {
	tick := time.NewTicker(time.Second / time.Duration(max(1, g.PerSecond)))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		ended := make(chan error, 1)
		nc, err := g.connect(nats.SetCustomDialer(nonReadingDialer{}), nats.NoReconnect(),
			nats.ClosedHandler(func(nc *nats.Conn) { ended <- nc.LastError() }))
		if err != nil {
			g.count(func(o *Outcome) { o.Answers[err.Error()]++ })
			continue
		}
		msg := &nats.Msg{Subject: "cam." + g.Camera + "." + string(frame.JPEG), Header: nats.Header{},
			Data: g.clip.Frames[0].Data}
		frame.Encode(frame.Header(msg.Header), &frame.Frame{Format: frame.JPEG, Seq: 1, CaptureTime: time.Now(),
			Epoch: time.Now().UnixNano(), Payload: msg.Data})
		if err = nc.PublishMsg(msg); errors.Is(err, nats.ErrMaxPayload) { // other errors are the server's doing
			nc.Close()
			return fmt.Errorf("the client itself keeps to max_payload: %w", err)
		}
		_ = nc.FlushTimeout(time.Second) // how it ended is asked below
		g.count(func(o *Outcome) { o.Came++; o.Published++ })
		select {
		case err = <-ended:
			g.count(func(o *Outcome) { o.Closed++ })
		default:
			nc.Close()
			err = <-ended
		}
		if err != nil {
			g.count(func(o *Outcome) { o.Answers[withoutAddresses(err)]++ })
		}
	}
}

// withoutAddresses is an error without the addresses, which are others each time.
func withoutAddresses(err error) string {
	var number syscall.Errno
	if errors.As(err, &number) {
		return number.Error()
	}
	return err.Error()
}

// nonReadingDialer connects to a NATS server and does not hear how large a message may be.
type nonReadingDialer struct{}

// Dial implements nats.CustomDialer.
func (nonReadingDialer) Dial(network, address string) (net.Conn, error) {
	conn, err := net.Dial(network, address)
	return &nonReadingConn{Conn: conn}, err
}

type nonReadingConn struct {
	net.Conn
	heard bool // the INFO that says it
}

// Read puts nines in the place of the number behind max_payload, in what comes first.
func (c *nonReadingConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.heard {
		return n, err
	}
	c.heard = true
	name := []byte(`"max_payload":`)
	if at := bytes.Index(b[:n], name); at >= 0 {
		for i := at + len(name); i < n && b[i] >= '0' && b[i] <= '9'; i++ {
			b[i] = '9'
		}
	}
	return n, err
}

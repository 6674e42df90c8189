//go:build linux

package badclients

import (
	"bytes"
	"context"
	"encoding/json"
	"image"
	"image/jpeg"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/status"
	"github.com/bramble-cam/bramble/shared/subject"
)

// beat is how often a client sends what is due, if it sends thousands of messages a second.
const beat = time.Millisecond

// paced calls send PerSecond times a second until ctx ends, or as often as it can.
func (g *client) paced(ctx context.Context, send func() error) {
	tick := time.NewTicker(beat)
	defer tick.Stop()
	began, sent := time.Now(), 0
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for due := int(time.Since(began).Seconds() * float64(g.PerSecond)); sent < due; sent++ {
			if ctx.Err() != nil || send() != nil { // the connection has ended
				return
			}
			g.count(func(o *Outcome) { o.Published++ })
		}
	}
}

// document is a status document of the group's camera.
func (g *client) document() status.Status {
	now := time.Now()
	return status.Status{
		Camera: g.Camera, Instance: "bad", Started: now, Host: "bad", Agent: "0.0.0-bench", State: status.Live, Since: now,
		Source: "bench", Format: frame.JPEG,
		Clock: status.Clock{Source: status.ClockArrival},
	}
}

// statusFlood is an agent that sends status documents of Depth bytes.
func (g *client) statusFlood(ctx context.Context) error {
	short, err := json.Marshal(g.document())
	if err != nil {
		return err
	}
	// A field that a later version may have is no reason to refuse a document.
	doc := append(
		bytes.TrimSuffix(short, []byte("}")),
		`,"later":"`+strings.Repeat("x", max(0, g.Depth-len(short)-12))+`"}`...)
	g.session(ctx, func(ctx context.Context, nc *nats.Conn) {
		g.paced(ctx, func() error { return nc.Publish(subject.Space{}.Status(g.Camera), doc) })
	})
	return nil
}

// hostile is an agent whose status and pictures hold what is special to terminals, browsers and parsers.
func (g *client) hostile(ctx context.Context) error {
	const text = "\x1b[2J\x1b]0;owned\x07\x1b]52;c;cm0gLXJmIC8=\x07\r\n" +
		"level=ERROR msg=\"all is lost\"\u202e<img src=x onerror=alert(1)>"
	st := g.document()
	st.Host, st.Source, st.Agent, st.Reason, st.State = text, text, text, text, status.Degraded
	st.FPS, st.Width, st.Drops = 1e300, -1, map[string]uint64{"__proto__": 1, text: 2}
	doc, err := json.Marshal(st)
	if err != nil {
		return err
	}
	picture, err := smallPicture()
	if err != nil {
		return err
	}
	comment := "\r\n--bramble-part\r\nContent-Type: text/html\r\n\r\n<script>alert(1)</script>\r\n"
	picture = append(
		//nolint:gosec // small by construction
		append([]byte{0xff, 0xd8, 0xff, 0xfe, byte((len(comment) + 2) >> 8), byte(len(comment) + 2)}, comment...),
		picture[2:]...)
	g.session(ctx, func(ctx context.Context, nc *nats.Conn) {
		g.paced(ctx, func() error {
			if err := nc.Publish(subject.Space{}.Status(g.Camera), doc); err != nil {
				return err
			}
			return nc.PublishMsg(pictureOf(subject.Space{}.Frames(g.Camera, frame.JPEG), picture))
		})
	})
	return nil
}

// forge is an agent that sends itself requests with the subject of another camera's frames as the reply subject. It
// answers with its own pictures.
func (g *client) forge(ctx context.Context) error {
	picture, err := smallPicture()
	if err != nil {
		return err
	}
	g.session(ctx, func(ctx context.Context, nc *nats.Conn) {
		_, err := nc.Subscribe(
			subject.Space{}.Do(g.Camera, subject.Wake),
			func(m *nats.Msg) { _ = nc.PublishMsg(pictureOf(m.Reply, picture)) },
		)
		if err != nil {
			return // closed
		}
		victim := subject.Space{}.Frames(g.Target, frame.JPEG)
		g.paced(ctx, func() error { return nc.PublishRequest(subject.Space{}.Do(g.Camera, subject.Wake), victim, nil) })
	})
	return nil
}

// smallPicture is a small picture.
func smallPicture() ([]byte, error) {
	var b bytes.Buffer
	err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 16, 16)), nil)
	return b.Bytes(), err
}

// pictureOf is a message with a picture of a run that began just now. The real agent's frames are then of an older run.
func pictureOf(to string, picture []byte) *nats.Msg {
	now := time.Now()
	msg := &nats.Msg{Subject: to, Header: nats.Header{}, Data: picture}
	frame.Encode(
		frame.Header(msg.Header),
		&frame.Frame{Format: frame.JPEG, Seq: 1, CaptureTime: now, Epoch: now.UnixNano(), Payload: picture},
	)
	return msg
}

//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/shared/h264"
)

const fps = 25

// target is a server to measure.
type target struct {
	name  string
	start func(ctx context.Context, s settings, kind string) (*running, error)
}

// running is a server that has a camera.
type running struct {
	url  string
	pid  int
	stop func()
}

func targets(s settings) []target {
	list := []target{{"floor", startFloor}, {"bramble", startHub}}
	if s.peer != "" {
		list = append(list, target{"peer", startPeer})
	}
	return list
}

// film is what the camera shows.
func film(kind string) (clip, error) {
	if kind == "mjpeg" {
		return jpegClip(1280, 720, jpegSize)
	}
	return h264Clip(h264.ParamSets{
		// 1280x720, Baseline, level 3.1, as x264 writes them.
		SPS: [][]byte{{0x67, 0x42, 0xc0, 0x1f, 0xd9, 0x00, 0x50, 0x05, 0xbb, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00, 0x00, 0x03, 0x03, 0x20, 0xf1, 0x83, 0x24, 0x80}},
		PPS: [][]byte{{0x68, 0xcb, 0x83, 0xcb, 0x20}},
	}, auSize), nil
}

func startFloor(ctx context.Context, _ settings, kind string) (*running, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	srv, err := startServer(serverCore, self, "floor")
	if err != nil {
		return nil, err
	}
	var feed, viewers string
	if _, err := fmt.Fscan(srv.out, &feed, &viewers); err != nil {
		srv.stop()
		return nil, fmt.Errorf("%w: %s", err, srv.stderr)
	}
	c, err := film(kind)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- c.toFloor(ctx, feed, fps) }()
	return &running{"http://" + viewers + "/cam/bench." + kind, srv.cmd.Process.Pid, func() {
		cancel()
		<-ended
		srv.stop()
	}}, nil
}

func startHub(ctx context.Context, s settings, kind string) (*running, error) {
	srv, err := startServer(serverCore, s.hub, "--http", "127.0.0.1:0", "--nats", "127.0.0.1:0", "--log-format", "json")
	if err != nil {
		return nil, err
	}
	page, bus, err := srv.addresses()
	if err != nil {
		srv.stop()
		return nil, err
	}
	nc, err := nats.Connect(bus)
	if err != nil {
		srv.stop()
		return nil, err
	}
	c, err := film(kind)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- c.toHub(ctx, nc, "bench", fps) }()
	r := &running{page + "cam/bench." + kind, srv.cmd.Process.Pid, func() {
		cancel()
		<-ended
		nc.Close()
		srv.stop()
	}}
	if err := known(ctx, page+"api/v1/cameras/bench"); err != nil {
		r.stop()
		return nil, err
	}
	return r, nil
}

// addresses waits until the hub says where it is.
func (s *server) addresses() (page, bus string, err error) {
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		for line := range strings.Lines(s.stderr.String()) {
			var said struct{ Msg, Page, URL string }
			if json.Unmarshal([]byte(line), &said) == nil {
				if said.Page != "" {
					page = said.Page
				}
				if said.Msg == "NATS ready" {
					bus = said.URL
				}
			}
		}
		if page != "" && bus != "" {
			return page, bus, nil
		}
	}
	return "", "", fmt.Errorf("the hub does not start: %s", s.stderr)
}

// known waits until the hub knows the camera.
func known(ctx context.Context, url string) error {
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline) && ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
		resp, err := http.Get(url)
		if err != nil {
			return err
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			return nil
		}
	}
	return errors.New("the hub does not know the camera")
}

func startPeer(_ context.Context, s settings, kind string) (*running, error) {
	if s.peerPID == 0 {
		return nil, errors.New("--peer-pid: which process is the peer?")
	}
	return &running{strings.ReplaceAll(s.peer, "%s", kind), s.peerPID, func() {}}, nil
}

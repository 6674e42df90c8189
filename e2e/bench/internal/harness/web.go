//go:build linux

package harness

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/bramble-cam/bramble/e2e/bench/internal/syntheticframes"
	"github.com/bramble-cam/bramble/shared/frame"
)

// web serves a camera over HTTP, for a peer that pulls: cam.mjpeg, or cam.h264 as raw Annex B. It plays from the
// beginning for each who asks.
type web struct {
	server  *http.Server
	serving chan error
}

func serveWeb(ctx context.Context, addr string, c *Camera) (*web, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("--peer-camera: %w", err)
	}
	w := &web{serving: make(chan error, 1)}
	w.server = &http.Server{
		ReadHeaderTimeout: 5 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		Handler:           http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { c.answer(rw, r) }),
	}
	go func() { w.serving <- w.server.Serve(l) }()
	return w, nil
}

func (w *web) stop() error {
	err := w.server.Close()
	if fault := <-w.serving; !errors.Is(fault, http.ErrServerClosed) {
		err = errors.Join(err, fault)
	}
	return err
}

// answer plays the clip to a peer until it goes or the camera dies.
func (c *Camera) answer(rw http.ResponseWriter, r *http.Request) {
	isJPEG := c.Clip.Format == frame.JPEG
	if c.dead.Load() || strings.HasSuffix(r.URL.Path, ".mjpeg") != isJPEG {
		http.Error(rw, "this camera is not there now", http.StatusServiceUnavailable)
		return
	}
	rw.Header().Set("Content-Type", "video/h264")
	if isJPEG {
		rw.Header().Set("Content-Type", "multipart/x-mixed-replace; boundary=frame")
	}
	flush := http.NewResponseController(rw)
	f := c.Clip.Copy()
	_ = f.Play(r.Context(), func(_ uint64, fr syntheticframes.Frame, now time.Time) error { // the peer has left
		if c.dead.Load() {
			return errDead
		}
		if fr.Key {
			c.keys.Store(now.UnixNano())
		}
		if isJPEG {
			if _, err := fmt.Fprintf(rw, "--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n",
				len(fr.Data)); err != nil {
				return err
			}
		}
		if _, err := rw.Write(fr.Data); err != nil {
			return err
		}
		if isJPEG {
			if _, err := rw.Write([]byte("\r\n")); err != nil {
				return err
			}
		}
		return flush.Flush()
	})
}

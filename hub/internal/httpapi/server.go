package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"github.com/bramble-cam/bramble/hub/internal/registry"
)

const (
	// DefaultWriteTimeout is how long one write to a viewer may take before the viewer is given up.
	DefaultWriteTimeout = 10 * time.Second

	// frameWait is how long a request waits for a cold camera's first frame.
	frameWait = 5 * time.Second

	// quiet is how long a stream may stand still before its last picture is sent again, and before a viewer is looked after that may have left.
	quiet = time.Second

	shutdownTime = 5 * time.Second
)

// Config is what a Server needs.
type Config struct {
	Registry     *registry.Registry
	Connected    func() bool   // whether NATS can be reached
	WriteTimeout time.Duration // 0 means DefaultWriteTimeout
	Version      string
	Log          *slog.Logger
}

// Server answers HTTP.
type Server struct {
	cfg          Config
	echo         *echo.Echo
	viewers      sync.WaitGroup // responses that own their connection: http.Server does not know them
	placeholders placeholders
}

// New returns a Server. It starts nothing.
func New(cfg Config) *Server {
	if cfg.WriteTimeout <= 0 {
		cfg.WriteTimeout = DefaultWriteTimeout
	}
	s := &Server{cfg: cfg, echo: echo.New()}
	s.echo.HTTPErrorHandler = s.handleError
	s.echo.Use(middleware.Recover(), securityHeaders)
	s.routes()
	return s
}

// Run serves on l until ctx ends, then ends all viewers and returns when they have gone.
func (s *Server) Run(ctx context.Context, l net.Listener) error {
	srv := &http.Server{
		Handler:           s.echo,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ErrorLog:          slog.NewLogLogger(s.cfg.Log.Handler(), slog.LevelDebug),
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }() // received below
	var err error
	select {
	case err = <-served:
	case <-ctx.Done():
		// Without cancel: ctx has ended, and what is under way should end in good order.
		wait, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
		defer cancel()
		if err = srv.Shutdown(wait); err != nil {
			err = errors.Join(fmt.Errorf("connections still busy after %v were cut: %w", shutdownTime, err), srv.Close())
		}
		<-served // http.ErrServerClosed
	}
	s.viewers.Wait() // bounded by their write timeout
	return err
}

// ServeHTTP makes the Server a handler, for tests and for other programs' servers.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.echo.ServeHTTP(w, r) }

func (s *Server) routes() {
	e := s.echo
	read := []string{http.MethodGet, http.MethodHead}
	e.Match(read, "/", s.page)
	e.Match(read, "/assets/*", s.asset)
	e.Match(read, "/cam/:camera", s.camera)
	e.Match(read, "/api/v1/cameras", s.listCameras)
	e.Match(read, "/api/v1/cameras/:camera", s.showCamera)
	e.Match(read, "/api/v1/openapi.yaml", s.openAPI)
	e.Match(read, "/healthz", s.health)
	e.Match(read, "/readyz", s.ready)
	e.Match(read, "/metrics", s.metrics())
}

// securityHeaders lets the page load from this hub only.
func securityHeaders(next echo.HandlerFunc) echo.HandlerFunc {
	const policy = "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; frame-ancestors 'self'; base-uri 'none'; form-action 'self'"
	return func(c echo.Context) error {
		h := c.Response().Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		return next(c)
	}
}

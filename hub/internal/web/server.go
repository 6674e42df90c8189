package web

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/bramble-cam/bramble/hub/internal/apiv1"
	"github.com/bramble-cam/bramble/hub/internal/auth"
	"github.com/bramble-cam/bramble/hub/internal/authz"
	"github.com/bramble-cam/bramble/hub/internal/compat"
	"github.com/bramble-cam/bramble/hub/internal/connlimit"
	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/hub/internal/hubsync"
	"github.com/bramble-cam/bramble/hub/internal/metrics"
	"github.com/bramble-cam/bramble/hub/internal/origin"
	"github.com/bramble-cam/bramble/hub/internal/output"
	"github.com/bramble-cam/bramble/hub/internal/output/ws"
	"github.com/bramble-cam/bramble/hub/internal/sysinfo"
	"github.com/bramble-cam/bramble/hub/internal/viewers"
	"github.com/bramble-cam/bramble/hub/internal/webauth"
	"github.com/bramble-cam/bramble/internal/media"
	"github.com/bramble-cam/bramble/internal/netutil"
	"github.com/bramble-cam/bramble/shared/frame"
)

// maxStreams bounds the concurrent requests of an HTTP/2 connection. That also bounds the headers and trailers that a
// client can make the hub store.
const maxStreams = 32

// times are how long things may take. Tests shorten them.
type times struct {
	output.Timing
	header time.Duration // a client takes to send a request's headers
	// request is how long a client takes to send all of a request. No handler reads a long body.
	request time.Duration
	ws      ws.Timing
}

func defaultTimes() times {
	return times{
		Timing: output.DefaultTiming(), header: 10 * time.Second, request: 20 * time.Second,
		ws: ws.DefaultTiming(),
	}
}

// Server answers HTTP.
type Server struct {
	cfg      Config
	runtime  atomic.Pointer[RuntimeConfig] // nil: as cfg has it
	times    times
	now      func() time.Time // for the revalidation of viewers
	echo     *echo.Echo
	ending   context.Context // Run's: its end is that of all viewers
	tasks    sync.WaitGroup  // what runs beside http.Server
	outputs  *output.Handler
	site     *site
	ws       *ws.Handler
	draining atomic.Bool // the server is about to stop
	refused  metrics.Refused
	cameras  authz.Cameras
	auth     *webauth.Auth
	api      *apiv1.API
	tracker  *viewers.Tracker
	errors   *prometheus.CounterVec // answers that are errors, by status
	pending  *connlimit.Pending
	idle     *connlimit.Idle
	accept   *connlimit.AcceptLimiter
}

// New returns a Server. It starts nothing.
func New(cfg Config) *Server {
	if cfg.WriteTimeout <= 0 {
		cfg.WriteTimeout = DefaultWriteTimeout
	}
	if cfg.Others == nil {
		cfg.Others = func() []hubsync.Other { return nil }
	}
	s := &Server{cfg: cfg, times: defaultTimes(), now: time.Now, ending: context.Background(), site: newSite(cfg.Outputs)}
	s.cameras = authz.Cameras{Registry: cfg.Registry}
	s.tracker = s.newTracker()
	s.outputs = s.newOutputs()
	s.times.ws.Timing = &s.times.Timing
	s.ws = s.newWS()
	s.errors = metrics.NewCounterVec("http_errors_total", "Requests answered with an error, by status.", "code",
		errorCodes()...)
	s.refused = cfg.Refused.OrNew()
	exempt := func(host string) bool { return netutil.IsLoopback(host) || s.cfg.Proxies.Trusts(host) }
	reject := func(limit string) func(string) { return func(address string) { s.tracker.Reject(limit, address) } }
	s.pending = connlimit.NewPending(connlimit.MaxPending, exempt, reject(viewers.LimitPending))
	s.idle = connlimit.NewIdle(connlimit.MaxIdle, exempt, reject(viewers.LimitIdle))
	s.accept = connlimit.NewAcceptLimiter(cfg.Limits.Rate)
	if cfg.Auth != nil {
		cfg.Credentials.OnChange(func(*credstore.Snapshot) { s.tracker.CredentialsChanged() })
	}
	s.compose()
	return s
}

// compose creates the middleware and the routes.
func (s *Server) compose() {
	s.auth = s.newAuth()
	s.api = s.newAPI()
	check := &authOffCheck{
		auth: s.auth, proxies: s.cfg.Proxies, allowHosts: func() []string { return s.config().AllowHosts },
		hostname: hostname(), insecure: s.cfg.Insecure, published: s.cfg.Published,
	}
	s.echo = echo.New()
	s.echo.HTTPErrorHandler = (&errorHandler{s.errors, s.cfg.Log}).handle
	s.echo.Pre(s.requestStarted, cleanProxyHeaders(s.cfg.Proxies, s.cfg.Log), stripPrefix(s.cfg.Proxies))
	s.echo.Use(middleware.RecoverWithConfig(middleware.RecoverConfig{DisableStackAll: true, LogErrorFunc: recoverPanic}),
		securityHeaders(s.cfg.Proxies, s.origin(), sharedRoutes(), s.cfg.SelfSigned), s.withWriteDeadline, check.middleware)
	s.routes()
}

// newTracker returns the tracker of the server's viewers.
func (s *Server) newTracker() *viewers.Tracker {
	return viewers.New(viewers.Config{
		Limits: s.cfg.Limits,
		Revalidate: func(p auth.Principal, _ time.Time) (auth.Principal, bool) {
			if s.cfg.Auth == nil {
				return p, true
			}
			return s.cfg.Auth.Revalidate(p, s.now())
		},
		Cameras: func() (ids []string) {
			for _, cam := range s.cfg.Registry.Cameras() {
				ids = append(ids, cam.ID())
			}
			return ids
		},
		Outputs:   s.cfg.Outputs.Names(),
		Preempted: func() uint64 { return s.cfg.Transcoder.Totals().Preempted },
		Log:       s.cfg.Log,
	})
}

// formats returns the names of the outputs in which a camera with a native format is available.
func (s *Server) formats(native frame.Format) []string {
	return s.cfg.Outputs.NamesFor(media.Codec(native), s.cfg.Transcoder.Available())
}

// newWS returns the handler of /ws.
func (s *Server) newWS() *ws.Handler {
	return ws.NewHandler(ws.Config{
		Version: s.cfg.Info.Version, Viewers: s.tracker, Cameras: s.cameras, Provider: s.cfg.Transcoder,
		Outputs: s.outputs, Slots: s.cfg.Outputs.Slots(), Formats: s.formats,
		CheckOrigin:  func(r *http.Request) error { return s.origin().RequireAllowed(r) },
		WriteTimeout: func() time.Duration { return s.config().WriteTimeout },
		Timing:       &s.times.ws,
		Refused:      func() { s.refused.Inc(metrics.RefusedMessage) }, Log: s.cfg.Log,
	})
}

// webSocket answers /ws.
func (s *Server) webSocket(c echo.Context) error {
	client := viewers.Client{Principal: webauth.PrincipalFrom(c), Address: s.cfg.Proxies.ClientAddr(c.Request())}
	err := s.ws.Serve(s.ending, c.Response().Writer, c.Request(), client)
	c.Response().Committed = err == nil
	return err
}

// newOutputs returns the handler of cameras in the outputs.
func (s *Server) newOutputs() *output.Handler {
	return output.NewHandler(output.Config{
		Viewers: s.tracker, Provider: s.cfg.Transcoder, Timing: &s.times.Timing,
		WriteTimeout: func() time.Duration { return s.config().WriteTimeout }, Log: s.cfg.Log,
	})
}

// Update puts other settings in force. Existing viewers stay, even if they are more than the limits now allow.
func (s *Server) Update(to RuntimeConfig) {
	if to.WriteTimeout <= 0 {
		to.WriteTimeout = DefaultWriteTimeout
	}
	s.tracker.SetLimits(to.Limits)
	s.accept.SetRate(to.Limits.Rate)
	s.runtime.Store(&to)
}

// config returns the settings in force, but for the limits, which the tracker has.
func (s *Server) config() RuntimeConfig {
	if to := s.runtime.Load(); to != nil {
		return *to
	}
	return s.cfg.RuntimeConfig
}

// Run serves on l until ctx ends, then ends all viewers, in the time that Config.LameDuck gives, and returns when they
// have gone. It may be called once.
func (s *Server) Run(ctx context.Context, l net.Listener) error {
	asked := ctx.Done()
	ctx, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	s.ending = ctx
	srv := &http.Server{
		Handler:           s.echo,
		ReadHeaderTimeout: s.times.header,
		ReadTimeout:       s.times.request,
		IdleTimeout:       2 * time.Minute,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
		MaxHeaderBytes:    16 << 10,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ConnContext:       s.pending.ConnContext,
		ConnState:         s.connState,
		ErrorLog:          slog.NewLogLogger(s.cfg.Log.Handler(), slog.LevelDebug),
	}
	served := make(chan error, 1)
	go func() { served <- s.listen(srv, l) }()    // received below
	s.tasks.Go(func() { _ = s.tracker.Run(ctx) }) // never fails
	var err error
	select {
	case err = <-served:
	case <-asked:
		s.draining.Store(true)
		err = lameDuck{s.tracker, s.cfg.LameDuck, s.cfg.Log}.drain(ctx, served)
	}
	if err == nil {
		defer func() { <-served }() //nolint:errcheck // it is http.ErrServerClosed
	} else {
		err = fmt.Errorf("HTTP: %w", err)
	}
	end()
	// Without cancel, because ctx has ended and requests in progress should end cleanly.
	wait, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.times.Stop)
	defer cancel()
	if srv.Shutdown(wait) != nil {
		s.cfg.Log.Debug("closed HTTP connections that were busy or had sent no request")
		_ = srv.Close() // there is nothing to be done about a connection that cannot be closed
	}
	s.outputs.Wait() // their writers bound this as s.times.Stop bounds Shutdown
	s.ws.Wait()
	s.tasks.Wait()
	s.tracker.EndAudit()
	return err
}

// origin compares origins of pages with the hub's.
func (s *Server) origin() origin.Checker {
	return origin.Checker{Proxies: s.cfg.Proxies, Allowed: func() []string { return s.config().AllowOrigins }}
}

func (s *Server) newAuth() *webauth.Auth {
	return webauth.New(webauth.Config{
		Authenticator: s.cfg.Auth, Users: s.cfg.Credentials, Exposed: s.cfg.Exposed, External: s.cfg.External,
		Proxies: s.cfg.Proxies, Origins: s.origin(), Shared: sharedRoutes(), Page: s.site.login,
		LoggedOut: s.tracker.Revalidate, BodyRefused: func() { s.refused.Inc(metrics.RefusedBody) },
	})
}

func (s *Server) newAPI() *apiv1.API {
	return apiv1.New(apiv1.Config{
		Info: s.cfg.Info, Cameras: s.cameras, Transcoder: s.cfg.Transcoder, Formats: s.formats, Agents: s.cfg.Agents,
		Store: s.cfg.Credentials, Others: s.cfg.Others, Proxies: s.cfg.Proxies, Origins: s.origin(), Auth: s.auth,
		BodyRefused: func() { s.refused.Inc(metrics.RefusedBody) },
	})
}

// sharedRoutes lists the routes that pages of other origins may load.
func sharedRoutes() []string { return []string{"/assets/*", "/bramble-camera.js"} }

// requestStarted notes that a connection's request is here.
func (s *Server) requestStarted(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		s.pending.RequestStarted(c.Request().Context())
		return next(c)
	}
}

// connState receives the state changes of connections from http.Server.
func (s *Server) connState(conn net.Conn, state http.ConnState) {
	s.pending.ConnState(conn, state)
	s.idle.ConnState(conn, state)
}

func (s *Server) listen(srv *http.Server, l net.Listener) error {
	l = s.accept.Listener(s.ending, l)
	if s.cfg.TLS == nil {
		return srv.Serve(l)
	}
	srv.TLSConfig = s.cfg.TLS
	return srv.ServeTLS(redirectListener{l}, "", "")
}

// ServeHTTP makes the Server a handler, for tests and for other programs' servers.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.echo.ServeHTTP(w, r) }

func (s *Server) routes() {
	e := s.echo
	health := &health{s.draining.Load, s.cfg.Connected, s.cfg.Registry}
	cameras := &cameraHandler{
		cameras: s.cameras, outputs: s.cfg.Outputs, stream: s.outputs, proxies: s.cfg.Proxies, page: s.site.page,
		ending: func() context.Context { return s.ending },
	}
	read := []string{http.MethodGet, http.MethodHead}
	// Public, because they hold no secrets.
	e.Match(read, "/assets/*", s.site.asset)
	e.Match(read, "/bramble-camera.js", s.site.elementScript)
	e.Match(read, "/api/v1/openapi.yaml", s.site.openAPIDocument)
	e.Match(read, "/healthz", health.live)
	e.Match(read, "/readyz", health.ready)
	s.auth.Register(e, read)
	// For authenticated clients.
	e.Match(read, "/cam/:camera", cameras.camera, s.auth.RequireAuthOrLink)
	e.Match(read, "/ws", s.webSocket, s.auth.RequireAuthOrLink)
	s.api.Register(e, read)
	collectors := append(slices.Clip(s.cfg.Collectors), s.errors, s.refused, s.accept, s.tracker, s.ws,
		metrics.BuildInfo(s.cfg.Info.Version), sysinfo.NewCollector(), hubsync.NewCollector(s.cfg.Others))
	e.Match(read, "/metrics", echo.WrapHandler(metrics.Handler(collectors...)), s.auth.RequireAuth,
		webauth.RequireMetricsAccess)
	compat.New(compat.Config{
		Cameras: s.cameras, DefaultCamera: func() string { return s.config().DefaultCamera }, Auth: s.auth,
		Page: s.site.page, Serve: cameras.serve,
	}).Register(e, read)
}

// withWriteDeadline bounds how long a client may take to read an answer that is not a stream. A stream's connwriter
// bounds every write.
func (s *Server) withWriteDeadline(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		c.Response().Before(func() {
			rc := http.NewResponseController(c.Response().Writer)
			_ = rc.SetWriteDeadline(time.Now().Add(s.config().WriteTimeout)) // only a test's recorder has none
		})
		return next(c)
	}
}

// recoverPanic turns a panic into an error, which errorHandler logs.
func recoverPanic(_ echo.Context, err error, stack []byte) error {
	return fmt.Errorf("panic: %w\n%s", err, stack)
}

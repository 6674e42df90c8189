// Package hub is the relay: it takes each camera's frames from NATS once, and serves them to any number of viewers.
package hub

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"sync"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/bramble-cam/bramble/hub/internal/audit"
	"github.com/bramble-cam/bramble/hub/internal/auth"
	"github.com/bramble-cam/bramble/hub/internal/cameras"
	"github.com/bramble-cam/bramble/hub/internal/certs"
	"github.com/bramble-cam/bramble/hub/internal/credkv"
	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/hub/internal/endedsessions"
	"github.com/bramble-cam/bramble/hub/internal/hubsync"
	"github.com/bramble-cam/bramble/hub/internal/ingest"
	"github.com/bramble-cam/bramble/hub/internal/metrics"
	"github.com/bramble-cam/bramble/hub/internal/natsserver"
	"github.com/bramble-cam/bramble/hub/internal/outputs"
	"github.com/bramble-cam/bramble/hub/internal/transcode"
	"github.com/bramble-cam/bramble/hub/internal/trustedproxy"
	"github.com/bramble-cam/bramble/hub/internal/web"
	"github.com/bramble-cam/bramble/hub/internal/webauth"
	"github.com/bramble-cam/bramble/internal/natsconn/credential"
	"github.com/bramble-cam/bramble/internal/natsconn/tlstrust"
	"github.com/bramble-cam/bramble/internal/netutil"
	"github.com/bramble-cam/bramble/internal/setting"
	"github.com/bramble-cam/bramble/internal/systemd"
	"github.com/bramble-cam/bramble/shared/subject"
)

// Hub is one relay.
type Hub struct {
	cfg      Config
	audit    *audit.Log  // nil: audit lines are in the log only
	httpCert *certs.Pair // of HTTP; nil: without TLS
	natsCert *certs.Pair // of the embedded NATS server; nil: without TLS, unless its file has it
	space    subject.Space
	store    *credstore.Store
	ended    *endedsessions.Store // logged-out sessions
	auth     *auth.Authenticator
	external webauth.External // logins at a proxy or an identity provider
	refused  metrics.Refused  // counts what all parts refuse
	proxies  trustedproxy.Proxies

	started    chan struct{} // closed when the addresses below are set
	once       sync.Once
	httpAddr   string
	natsURL    string
	natsServer *natsserver.Server // nil if NATS is elsewhere
	server     *web.Server

	natsListenAddr string // address of the embedded NATS server
}

// New checks cfg and reads the credentials. It starts nothing.
func New(cfg Config) (*Hub, error) {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	var lines *audit.Log
	if cfg.AuditLog != "" {
		lines = audit.New(cfg.AuditLog, cfg.Log)
		cfg.Log = lines.Logger()
	}
	if cfg.RequireCredentialsFile {
		if err := credstore.RequireFile(cfg.Credentials); err != nil {
			return nil, err
		}
	}
	store, err := credstore.Open(cfg.Credentials, cfg.Log)
	if err != nil {
		return nil, err
	}
	if err := cfg.validate(store.Snapshot()); err != nil {
		return nil, err
	}
	space, err := subject.NewSpace(cfg.SubjectRoot)
	if err != nil {
		return nil, err
	}
	httpCert, natsCert, err := cfg.loadCerts()
	if err != nil {
		return nil, err
	}
	proxies, err := trustedproxy.Parse(cfg.TrustedProxies)
	if err != nil {
		return nil, setting.Errorf("{trusted-proxy} %w", err)
	}
	external, err := cfg.external(store.Snapshot())
	if err != nil {
		return nil, err
	}
	ended := endedsessions.Open(cfg.Credentials, cfg.Log)
	return &Hub{
		cfg: cfg, audit: lines, external: external, httpCert: httpCert, natsCert: natsCert, space: space,
		store: store, ended: ended, auth: auth.New(store, ended, cfg.Log), proxies: proxies,
		refused: metrics.NewRefused(), started: make(chan struct{}),
	}, nil
}

// Run serves until ctx ends, and returns when everything it started has ended. It may be called once.
//
// It starts the NATS server, the listener and the connection, then all that runs. It stops in the opposite order, so
// that viewers see an end and not an error: what viewers use outlives them. Three contexts hold the order:
//
//	ctx          ends      when the hub is to stop (a signal)
//	  │
//	  ├─ HTTP              drains viewers, then ends the rest and waits for them
//	  │    └─ returns: viewersGone()
//	renditions   ends      when HTTP has returned
//	  │
//	  ├─ transcoder        its renditions hold cameras
//	  │    └─ returns: renditionsGone()
//	sources      ends      when the transcoder has returned
//	  │
//	  ├─ ingest, cameras, credentials, other hubs, bucket, checks of the NATS server
//	  │    └─ all return
//	deferred               connection to NATS, identity providers, NATS server, audit file
func (h *Hub) Run(ctx context.Context) error {
	stop, err := h.openAudit()
	if err != nil {
		return err
	}
	defer stop()
	return h.run(ctx)
}

func (h *Hub) run(ctx context.Context) error {
	url, dial, connect, err := h.startNATS()
	if err != nil {
		return err
	}
	if h.natsServer != nil {
		defer h.natsServer.Stop()
	}
	defer h.external.Close()
	listener, err := net.Listen("tcp", h.cfg.HTTP)
	if err != nil {
		return setting.Errorf("HTTP: %w: choose another address with {http}", err)
	}
	in, err := ingest.Dial(ingest.Config{
		URL: dial, Space: h.space, Trust: h.cfg.NATSTrust, Refused: h.refused, Log: h.cfg.Log,
		Limits: ingest.Limits{FPS: h.cfg.MaxFPS, Bandwidth: h.cfg.MaxBandwidth, Pixels: h.cfg.MaxMegapixels},
	}, connect...)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer in.Close()
	reg, tr := h.newCameras(in), h.newTranscoder()
	hubs := h.hubSync(in)
	server := web.New(h.http(hubs, in, reg, tr, url, listener.Addr()))
	h.server = server
	h.httpAddr, h.natsURL = listener.Addr().String(), url
	h.once.Do(func() { close(h.started) })
	h.logAuthentication()
	h.cfg.Log.Info("hub ready", "page", h.Page())

	sources, renditionsGone := context.WithCancel(context.WithoutCancel(ctx))
	defer renditionsGone()
	renditions, viewersGone := context.WithCancel(sources)
	defer viewersGone()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer viewersGone()
		return server.Run(ctx, listener)
	})
	g.Go(func() error { return in.Run(sources, reg) })
	g.Go(func() error {
		defer renditionsGone()
		return tr.Run(renditions)
	})
	g.Go(func() error { return reg.Run(sources) })
	for _, run := range []func(context.Context) error{h.store.Run, h.ended.Run, h.auth.Run, hubs.Run, h.followBucket} {
		g.Go(func() error { return run(sources) })
	}
	g.Go(func() error { return systemd.Notify(ctx, h.cfg.Log, func() string { probeLocks(reg); return "" }) })
	if h.natsServer != nil {
		g.Go(func() error { return h.natsServer.Run(sources) })
	}
	return g.Wait()
}

func (h *Hub) newCameras(in *ingest.Ingest) *cameras.Registry {
	return cameras.New(cameras.Config{
		Agents: in, Linger: h.cfg.Linger, MaxCameras: h.cfg.MaxCameras, MaxPerAgent: h.cfg.MaxCamerasPerAgent,
		Refused: h.refused, Log: h.cfg.Log,
	})
}

func (h *Hub) newTranscoder() *transcode.Transcoder {
	return transcode.New(transcode.Config{
		FFmpeg: h.cfg.FFmpeg, HWAccel: h.cfg.HWAccel, Max: h.cfg.MaxTranscodes, Memory: h.cfg.MaxTranscodeMemory,
		Linger: h.cfg.Linger, Log: h.cfg.Log,
	})
}

// followBucket makes the credentials file follow the bucket, if there is one.
func (h *Hub) followBucket(ctx context.Context) error {
	cfg := h.cfg.CredentialsKV
	if cfg.Bucket == "" {
		return nil
	}
	cfg.File, cfg.Log = h.cfg.Credentials, h.cfg.Log
	b, err := credkv.Open(cfg, true)
	if err != nil {
		return err
	}
	defer b.Close()
	return b.Run(ctx)
}

// hubSync exchanges events with other hubs: this hub's go out, theirs come in.
func (h *Hub) hubSync(in *ingest.Ingest) *hubsync.Sync {
	return hubsync.New(hubsync.Config{
		Conn: in.Conn(), Space: h.space, Credentials: h.store, Ended: h.ended, Version: h.cfg.Version, Refused: h.refused,
		Log: h.cfg.Log,
	})
}

// publishedAddr returns the address at which other hosts reach the HTTP server that listens at addr.
func (h *Hub) publishedAddr(addr string) string {
	if h.cfg.HTTPPublished != "" {
		return h.cfg.HTTPPublished
	}
	return addr
}

// http returns the settings of the HTTP server. NATS is at natsURL, and the server at addr.
func (h *Hub) http(
	hubs *hubsync.Sync, in *ingest.Ingest, reg *cameras.Registry, tr *transcode.Transcoder, natsURL string,
	addr net.Addr,
) web.Config {
	return web.Config{
		RuntimeConfig: h.cfg.runtime(), Registry: reg, Transcoder: tr, Outputs: outputs.All(),
		Connected: in.Connected, Agents: in, Info: h.info(natsURL, addr),
		LameDuck: h.cfg.LameDuck, TLS: tlsOf(h.httpCert), SelfSigned: h.selfSigned,
		Proxies: h.proxies, Credentials: h.store, Auth: h.auth, External: h.external,
		Collectors: []prometheus.Collector{
			ingest.NewCollector(in.Connected, in.Reconnects), cameras.NewCollector(reg, tr.Delivered),
			transcode.NewCollector(tr, reg.Cameras),
		},
		Refused:   h.refused,
		Others:    hubs.Others,
		Exposed:   h.cfg.RequireUsers || !netutil.IsLoopback(h.publishedAddr(addr.String())) && !h.cfg.Insecure,
		Insecure:  h.cfg.Insecure,
		Published: h.cfg.HTTPPublished != "" && netutil.IsLoopback(h.cfg.HTTPPublished),
		Log:       h.cfg.Log,
	}
}

// Page is the URL of the dashboard. Call it after WaitStarted.
func (h *Hub) Page() string {
	scheme := "http://"
	if h.httpCert != nil {
		scheme = "https://"
	}
	return scheme + h.publishedAddr(h.httpAddr) + "/"
}

func (h *Hub) selfSigned() bool { return h.httpCert != nil && h.httpCert.SelfSigned() }

func tlsOf(p *certs.Pair) *tls.Config {
	if p == nil {
		return nil
	}
	return p.Config()
}

// startNATS starts the embedded server, if it is wanted, and says how others reach NATS, and how this process does.
func (h *Hub) startNATS() (url, dial string, connect []nats.Option, err error) {
	connect = h.cfg.NATSCredential.Options()
	if h.cfg.NATSURL != "" {
		return h.cfg.NATSURL, h.cfg.NATSURL, connect, nil
	}
	h.natsServer, err = natsserver.Start(natsserver.Config{
		Addr: h.cfg.NATS, File: h.cfg.NATSConfig, TLS: tlsOf(h.natsCert), Hub: h.cfg.NATSCredential.Public(),
		Credentials: h.store, Space: h.space, Insecure: h.cfg.Insecure, Log: h.cfg.Log,
	})
	if err != nil {
		return "", "", nil, err
	}
	url, h.natsListenAddr = h.natsServer.URL(), h.natsServer.Addr()
	said := []any{"url", url}
	if h.natsCert != nil {
		said = append(said, "fingerprint", h.natsCert.Fingerprint())
	}
	h.cfg.Log.Info("NATS ready", said...)
	if h.httpCert != nil && !h.natsServer.Secure() && !netutil.IsLoopback(h.natsListenAddr) {
		h.cfg.Log.Warn("the page has TLS, but pictures cross the network in the clear from agents to this hub",
			"remedy", setting.Errorf("add {nats-tls-cert} and {nats-tls-key}, which may name the same files"))
	}
	// Within the process there is no TLS.
	return url, "nats://" + h.natsListenAddr, append(connect, h.natsServer.InProcess()), nil
}

// Trust is how an agent in this process, or beside it, knows the embedded NATS server. Call it after WaitStarted.
func (h *Hub) Trust() tlstrust.Settings {
	t := tlstrust.Settings{Prefix: "tls"}
	if h.natsCert != nil {
		t.Fingerprints = []string{h.natsCert.Fingerprint()}
	}
	return t
}

// IssueAgentCredential makes a credential for an agent in this process, which may publish and serve cameras.
// It is zero if NATS is external, or does not authenticate clients. Call it after WaitStarted.
func (h *Hub) IssueAgentCredential(cameras ...string) (credential.Credential, error) {
	if h.natsServer == nil {
		return credential.Credential{}, nil
	}
	return h.natsServer.IssueAgentCredential(cameras)
}

// WaitStarted returns when the hub listens, with the addresses of its HTTP server and of NATS, or with ctx's error.
func (h *Hub) WaitStarted(ctx context.Context) (httpAddr, natsURL string, err error) {
	select {
	case <-h.started:
		return h.httpAddr, h.natsURL, nil
	case <-ctx.Done():
		return "", "", ctx.Err()
	}
}

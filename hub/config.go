package hub

import (
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/certs"
	"github.com/bramble-cam/bramble/hub/internal/credkv"
	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/hub/internal/transcode"
	"github.com/bramble-cam/bramble/hub/internal/web"
	"github.com/bramble-cam/bramble/internal/natsconn/credential"
	"github.com/bramble-cam/bramble/internal/natsconn/tlstrust"
	"github.com/bramble-cam/bramble/internal/netutil"
	"github.com/bramble-cam/bramble/internal/setting"
	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/subject"
)

// fpsLimit is more than any camera has.
const fpsLimit = 1_000_000

// megapixelsLimit is the largest picture that can be decoded, in million pixels.
const megapixelsLimit = frame.MaxPixels / 1_000_000

// bandwidthLimit is more than any network has, in MB per second.
const bandwidthLimit = 100_000

// Limits bound viewers and connections; 0 means no limit.
// A WebSocket counts as a viewer, and so does each of its slots.
type Limits struct {
	Viewers    int // at a time
	PerAddress int // from one client address; viewers on this host are exempt
	PerCamera  int
	Rate       int // new HTTP connections per second; more wait
}

// Config is what a Hub needs to know.
type Config struct {
	// HTTP.
	HTTP           string        // address of the server, HOST:PORT; port 0 means any free one
	HTTPPublished  string        // in a container: the address at which HTTP is published
	TLSCert        string        // file with the server's certificate chain, PEM; "" means plain HTTP
	TLSKey         string        // file with its private key, PEM
	TrustedProxies []string      // trusted reverse proxies: addresses, networks; empty: loopback; "none": no proxy
	AllowOrigins   []string      // of other sites' pages that may open /ws, such as https://example.org; "*" is all
	AllowHosts     []string      // accepted host names, besides this host's, while authentication is off; "*": all
	DefaultCamera  string        // the camera of URLs that name none; "" means the first by name
	Limits         Limits        // of viewers; 0 means no limit
	WriteTimeout   time.Duration // of one write to a viewer; 0 means 10 s
	LameDuck       time.Duration // over which viewers are disconnected before the hub stops; 0: all at once

	// NATS: an embedded server, or an external system.
	NATS           string                // address of the embedded server; unused with NATSURL, or if NATSConfig has one
	NATSConfig     string                // a standard NATS configuration file for the embedded server
	NATSTLSCert    string                // file with its certificate chain, PEM; "" means no TLS, unless NATSConfig has it
	NATSTLSKey     string                // file with its private key, PEM
	NATSURL        string                // an external NATS system: one or more URLs joined by commas
	NATSTrust      tlstrust.Settings     // how that system proves its identity
	NATSCredential credential.Credential // for that system, or for an embedded server whose file has its own users
	SubjectRoot    string                // first token of every subject; "" means "cam"

	// Authentication.
	Credentials            string        // the file with users, agents and consumers; "" means none
	RequireCredentialsFile bool          // the operator named Credentials: without that file the hub does not start
	CredentialsKV          credkv.Config // the bucket that Credentials follow; File and Log are unset; no Bucket: none
	RequireUsers           bool          // without users the hub does not start, and denies all access
	Insecure               bool          // allow addresses that other hosts can reach, even without authentication
	ProxyAuth              ProxyAuth     // logins at a proxy
	OIDC                   OIDC          // logins at an identity provider
	JWT                    JWT           // tokens of an identity provider
	AuditLog               string        // file for audit lines, as JSON; "" means none
	AuditLogOptional       bool          // AuditLog is the default: the hub starts even if it cannot open the file

	// Cameras.
	Linger             time.Duration // how long a stream stays subscribed after its last viewer; 0 means 10 s
	MaxFPS             int           // accepted frames per second of a camera; 0 means no limit
	MaxBandwidth       int           // accepted MB (10^6 bytes) per second of a camera; 0 means no limit
	MaxMegapixels      int           // of an accepted picture; 0 means as many as can be decoded
	MaxCameras         int           // 0 means 4096
	MaxCamerasPerAgent int           // 0 means 256

	// Transcoding.
	FFmpeg             string // path of the ffmpeg program, or its name in PATH; "" means ffmpeg
	HWAccel            string // how H.264 is decoded and encoded: one of transcode.HWAccels; "" means none
	MaxTranscodes      int    // maximum number of ffmpeg processes; 0 means the default of the machine
	MaxTranscodeMemory int    // MiB of memory of each; 0 means no limit

	Version string       // of the program
	Log     *slog.Logger // nil means slog.Default
}

// validate checks the settings. The credentials decide whether HTTP and NATS authenticate clients.
func (c *Config) validate(creds *credstore.Snapshot) error {
	if err := c.validateHTTP(creds); err != nil {
		return err
	}
	for _, check := range []func() error{
		c.validateLimits, c.validateTranscoding, c.validateCameras, c.validateOrigins, c.validateHosts, c.validateTrust,
	} {
		if err := check(); err != nil {
			return err
		}
	}
	return c.validateNATS(creds)
}

func (c *Config) validateHTTP(creds *credstore.Snapshot) error {
	if c.HTTP == "" {
		return setting.Errorf("no HTTP address: give {http} 127.0.0.1:8080")
	}
	if c.RequireUsers && !creds.HasUsers() {
		return setting.Errorf("%w: {require-users} is set, and %s has no users: "+
			"restore it from a backup, check that its volume is mounted, or "+
			"add the first user with \"bramble-hub user add NAME --role admin\"", credstore.ErrMissing, c.Credentials)
	}
	if c.NATSURL != "" && c.NATSConfig != "" {
		return setting.Errorf("{nats-url} uses a NATS server elsewhere, {nats-config} configures the embedded one: " +
			"give one of them")
	}
	name, addr := c.publishedAddr()
	return c.checkExposure(name, addr, creds.HasUsers(),
		"anyone who can reach this address could see every camera, because there are no users: "+
			"add the first with \"bramble-hub user add NAME --role admin\", use 127.0.0.1")
}

// validateNATS checks the credentials' bucket, and the address of the embedded server.
func (c *Config) validateNATS(creds *credstore.Snapshot) error {
	if c.CredentialsKV.Bucket != "" && c.Credentials == "" {
		return setting.Errorf("{credentials-kv} synchronizes the credentials file with other hubs: " +
			"name the file with {credentials}")
	}
	switch {
	case c.NATSURL != "": // which decides who may reach it
		return nil
	case c.NATS == "" && c.NATSConfig != "":
		return nil
	case c.NATS == "":
		return setting.Errorf("no NATS: give {nats} 127.0.0.1:4222 for the embedded server, or {nats-url}")
	}
	return c.checkExposure("nats", c.NATS, !creds.Empty(), "there are no credentials, so every client that reaches "+
		"this address could see and publish every camera: "+
		"add the first agent with \"bramble-hub agent add NAME\", use 127.0.0.1")
}

func (c *Config) validateLimits() error {
	if l := c.Limits; min(l.Viewers, l.PerAddress, l.PerCamera, l.Rate) < 0 {
		return setting.Errorf("{max-viewers}, {max-viewers-per-address}, {max-viewers-per-camera}, " +
			"{max-connection-rate}: give a number such as 500, or 0 for no limit")
	}
	if err := notNegative("linger", c.Linger); err != nil {
		return err
	}
	if err := notNegative("write-timeout", c.WriteTimeout); err != nil {
		return err
	}
	return notNegative("lame-duck", c.LameDuck)
}

func (c *Config) validateHosts() error {
	if err := web.ValidateHosts(c.AllowHosts); err != nil {
		return setting.Errorf("{allow-host} %w", err)
	}
	return nil
}

func (c *Config) validateTranscoding() error {
	if c.HWAccel != "" && !slices.Contains(transcode.HWAccels(), c.HWAccel) {
		return setting.Errorf("{hwaccel} %s: give one of %s", c.HWAccel, strings.Join(transcode.HWAccels(), ", "))
	}
	if c.MaxTranscodes < 0 {
		return setting.Errorf("{max-transcodes} %d: give a number such as 8",
			c.MaxTranscodes)
	}
	if c.MaxTranscodeMemory < 0 || c.MaxTranscodeMemory > 0 && c.MaxTranscodeMemory < minTranscodeMemory {
		return setting.Errorf("{max-transcode-memory} %d: give MiB, %d at least, or 0 for no limit",
			c.MaxTranscodeMemory, minTranscodeMemory)
	}
	return nil
}

// minTranscodeMemory is what ffmpeg needs to begin, in MiB: its libraries alone have 40.
const minTranscodeMemory = 128

func (c *Config) validateCameras() error {
	if c.MaxBandwidth < 0 || c.MaxBandwidth > bandwidthLimit {
		return setting.Errorf("{max-bandwidth} %d: give MB per second up to %d, or 0 for no limit", c.MaxBandwidth,
			bandwidthLimit)
	}
	if c.MaxMegapixels < 0 || c.MaxMegapixels > megapixelsLimit {
		return setting.Errorf("{max-megapixels} %d: give millions of pixels up to %d, or 0 for no limit set by the hub",
			c.MaxMegapixels, megapixelsLimit)
	}
	if c.MaxFPS < 0 || c.MaxFPS > fpsLimit {
		return setting.Errorf("{max-fps} %d: give frames per second up to %d, or 0 for no limit", c.MaxFPS, fpsLimit)
	}
	if min(c.MaxCameras, c.MaxCamerasPerAgent) < 0 {
		return setting.Errorf("{max-cameras}, {max-cameras-per-agent}: give a number such as 100")
	}
	if c.DefaultCamera != "" {
		if err := subject.ValidateID(c.DefaultCamera); err != nil {
			return setting.Errorf("{default-camera}: %w", err)
		}
	}
	return nil
}

// validateOrigins refuses what no browser sends as an origin: it would never match.
func (c *Config) validateOrigins() error {
	for _, o := range c.AllowOrigins {
		u, err := url.Parse(o)
		if o != "*" && (err != nil || u.Scheme == "" || u.Host == "" || o != u.Scheme+"://"+u.Host) {
			return setting.Errorf("{allow-origin} %s: give scheme, host and port of the page and nothing more, such "+
				"as https://example.org, or * for every page", o)
		}
	}
	return nil
}

func notNegative(name setting.Name, d time.Duration) error {
	if d < 0 {
		return setting.Errorf("%s %v: give a time such as 10s", name, d)
	}
	return nil
}

// validateTrust checks what belongs together for TLS with NATS.
func (c *Config) validateTrust() error {
	switch {
	case c.NATSURL == "" && !c.NATSTrust.IsZero():
		return setting.Errorf("{nats-tls-ca}, {nats-tls-fingerprint} are for a NATS system elsewhere: give its " +
			"{nats-url}, or leave them out")
	case c.NATSURL != "" && c.NATSTLSCert+c.NATSTLSKey != "":
		return setting.Errorf("{nats-tls-cert}, {nats-tls-key} are for the embedded NATS server: the one of " +
			"{nats-url} has its own; leave them out")
	}
	_, err := c.NATSTrust.Options()
	return err
}

// loadCerts reads the certificates of the HTTP and the NATS server; nil stands for no TLS.
// If both have the same files, they share one.
func (c *Config) loadCerts() (web, bus *certs.Pair, err error) {
	if web, err = c.loadCert("tls-cert", c.TLSCert, "tls-key", c.TLSKey); err != nil {
		return nil, nil, err
	}
	if web != nil && c.NATSTLSCert == c.TLSCert && c.NATSTLSKey == c.TLSKey {
		return web, web, nil
	}
	bus, err = c.loadCert("nats-tls-cert", c.NATSTLSCert, "nats-tls-key", c.NATSTLSKey)
	return web, bus, err
}

func (c *Config) loadCert(certName setting.Name, cert string, keyName setting.Name, key string) (*certs.Pair, error) {
	if cert == "" && key == "" {
		return nil, nil
	}
	if cert == "" || key == "" {
		return nil, setting.Errorf("%s and %s belong together: give the certificate's file and its key's", certName,
			keyName)
	}
	pair, err := certs.Load(cert, key, c.Log)
	if err != nil {
		return nil, setting.Errorf("%s %s, %s %s: %w: both must be PEM files that this user may read; \"bramble-hub "+
			"cert\" makes them", certName, cert, keyName, key, err)
	}
	return pair, nil
}

// publishedAddr returns the address at which other hosts reach the HTTP server, and the setting that names it.
func (c *Config) publishedAddr() (name setting.Name, addr string) {
	if c.HTTPPublished != "" {
		return "http-published", c.HTTPPublished
	}
	return "http", c.HTTP
}

// checkExposure refuses an address that other hosts can reach without authentication: cameras look into homes.
// why says that, and what else the operator may do.
func (c *Config) checkExposure(name setting.Name, addr string, asked bool, why string) error {
	if err := netutil.ValidateListen(addr); err != nil {
		return setting.Errorf("%s: %w", name, err)
	}
	if netutil.IsLoopback(addr) || asked || c.Insecure {
		return nil
	}
	return setting.Errorf("%s %s: %s, or add {insecure} if you trust the whole network", name, addr, why)
}

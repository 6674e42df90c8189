package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/bramble-cam/bramble/hub"
	"github.com/bramble-cam/bramble/internal/config"
	"github.com/bramble-cam/bramble/internal/natsconn/credential"
	"github.com/bramble-cam/bramble/internal/natsconn/tlstrust"
	"github.com/bramble-cam/bramble/internal/secret"
	"github.com/bramble-cam/bramble/internal/setting"
)

// settings are the hub's flags, environment variables and keys of the file. The help of a flag is short; a comment of a
// field holds details, which only the reference page and the example file show.
type settings struct {
	// Port 0 takes a free port, which the log shows. An address that other hosts can reach needs a user or --insecure.
	HTTP string `help:"Address of the page and the API." default:"127.0.0.1:8080"`

	// The file also holds the certificates above it. The hub reads both files again when they change.
	TLSCert string `help:"PEM file with the page's certificate, for HTTPS and HTTP/2." placeholder:"FILE"`
	TLSKey  string `help:"PEM file with the private key of --tls-cert." placeholder:"FILE"`

	// It decides whether other hosts reach the hub, and not --http. An example is 127.0.0.1:8080: there a hub without
	// users accepts localhost, loopback addresses and names of --allow-host only.
	HTTPPublished string `help:"Address at which a container's --http is published." placeholder:"HOST:PORT"`

	// An example is https://example.org; * stands for every page. With a signed link no page needs it.
	AllowOrigin []string `help:"Origins of other sites' pages that may show cameras." placeholder:"ORIGIN"`

	// The host's own names and addresses are always accepted. Examples are *.example.org, and * for every name.
	AllowHost []string `help:"Host names to accept while authentication is off." placeholder:"NAME"`

	// The list replaces the default; none stands for no proxy. Never name a network with clients.
	TrustedProxy []string `help:"Addresses and networks of trusted reverse proxies." default:"127.0.0.0/8,::1"`

	// The default is the first camera by name.
	DefaultCamera string `help:"Camera for URLs that name none." placeholder:"CAMERA"`

	// Ignored with --nats-url, and if the file of --nats-config names an address.
	NATS string `help:"Address of the embedded NATS server, where agents connect." default:"127.0.0.1:4222"`

	// JetStream must not be in the account of the cameras. Not together with --nats-url.
	NATSConfig string `help:"NATS configuration file for the embedded server." placeholder:"FILE" type:"existingfile"`

	// It may be the file of --tls-cert.
	NATSTLSCert string `name:"nats-tls-cert" help:"PEM file with that server's certificate, for TLS." placeholder:"FILE"`
	NATSTLSKey  string `name:"nats-tls-key" help:"PEM file with the private key of --nats-tls-cert." placeholder:"FILE"`

	// Commas join several URLs.
	NATSURL string `name:"nats-url" help:"External NATS system to use instead of the embedded server." placeholder:"URL"`

	// The default is this host's list of authorities.
	NATSTLSCA string `name:"nats-tls-ca" help:"PEM file with the CA of the NATS system at --nats-url." placeholder:"FILE"`

	// The hub then trusts no other key.
	NATSTLSFingerprint []string `name:"nats-tls-fingerprint" help:"Key of that NATS system." placeholder:"sha256:HEX"`

	// It is for a NATS system that has its own users.
	NATSCredentialFile string `name:"nats-credential-file" help:"The hub's NKey seed file for NATS." placeholder:"FILE"`

	// One to four tokens of A-Z, a-z, 0-9, _ and -, joined by dots. The first is not bramble-hub.
	SubjectRoot string `help:"First token of every NATS subject." default:"cam"`

	// The default is credentials.json in the state directory. The hub does not start if a file named here is missing.
	Credentials string `help:"File with users, API tokens, agents and consumers." placeholder:"FILE"`

	// "bramble-hub setup" sets it.
	RequireUsers bool `help:"Do not start without users, and deny all access while there are none."`

	// If there are users, authentication stays on. The host check stays on, too: see --allow-host.
	Insecure bool `help:"Allow addresses that other hosts can reach without authentication."`

	CredentialsKV string `help:"NATS KV bucket that shares the credentials with other hubs." placeholder:"BUCKET"`

	// The default is --nats-url. --nats-tls-ca and --nats-tls-fingerprint are for both.
	CredentialsKVURL string `name:"credentials-kv-url" help:"NATS system with that bucket." placeholder:"URL"`

	// Its account needs JetStream. The default is --nats-credential-file.
	KVCredential string `name:"credentials-kv-credential-file" help:"NKey seed file for the bucket." placeholder:"FILE"`

	// The default is audit.jsonl in $STATE_DIRECTORY, if that is set; none stands for no file.
	AuditLog string `help:"File to which the hub also writes audit lines." placeholder:"FILE"`

	Linger       time.Duration `help:"How long a camera stays subscribed after its last viewer left." default:"10s"`
	WriteTimeout time.Duration `help:"Maximum time for one write before a viewer is disconnected." default:"10s"`

	// /readyz fails from its start. Viewers are disconnected one by one in its second half. 5s suits a load balancer.
	LameDuck time.Duration `help:"Time over which viewers are disconnected before the hub stops." default:"0s"`

	// Streams and pictures under way, WebSockets and their slots count.
	MaxViewers int `help:"Maximum number of viewers (0: no limit)." default:"4000"`

	// For IPv6 an address is a /64 network. Viewers on the hub's host do not count. Behind a trusted proxy it is the
	// client's address.
	MaxViewersPerAddress int `help:"Maximum number of viewers from one other address (0: no limit)." default:"1000"`
	MaxViewersPerCamera  int `help:"Maximum number of viewers of one camera (0: no limit)." default:"2000"`

	// A hundred may come at once. Further ones wait.
	MaxConnectionRate int `help:"Maximum number of new HTTP connections per second (0: no limit)." default:"1000"`

	// The hub ignores further cameras.
	MaxCameras         int `help:"Maximum number of cameras." default:"4096"`
	MaxCamerasPerAgent int `help:"Maximum number of cameras of one agent." default:"256"`

	// Frames beyond it are dropped, with the reason flood.
	MaxFPS int `help:"Maximum frames per second from one camera (0: no limit)." default:"300"`

	// Frames beyond it are dropped, with the reason flood.
	MaxBandwidth int `help:"Maximum MB per second from one camera (0: no limit)." default:"50"`

	// 8K has 33. Larger pictures are dropped, with the reason dimensions. With 0 the limit is 67.
	MaxMegapixels int `help:"Maximum size of a picture in million pixels (0: no limit)." default:"40"`

	// A path, or a name in PATH. It has version 5.1 or newer, or is missing.
	FFmpeg string `name:"ffmpeg" help:"The ffmpeg program, for transcoding." default:"ffmpeg"`

	// vaapi uses /dev/dri/renderD128. v4l2m2m is for a Raspberry Pi up to 4.
	HWAccel string `name:"hwaccel" help:"Hardware for H.264: ${enum}." default:"none" enum:"none,vaapi,nvenc,v4l2m2m"`

	// auto is 16 for each processor, at most as many as fit into half of the memory at 64 MiB each, and at least 4.
	// One more request ends a process of a principal with more than its share, or gets 503.
	MaxTranscodes processLimit `help:"Maximum number of ffmpeg processes." default:"auto"`

	// For Linux without --hwaccel. Pictures of 3840x2160 need 400, with many reference frames 500.
	MaxTranscodeMemory int `help:"Maximum MiB of memory for one ffmpeg process (0: no limit)." default:"1024"`

	config.Logging   `embed:""`
	externalSettings `embed:""`
}

// externalSettings are the settings of logins at a proxy or an identity provider.
type externalSettings struct {
	// An example is Remote-User. "bramble-hub mapping" sets what this user may do.
	ProxyAuthUserHeader string `help:"Header in which a trusted proxy names the logged-in user." placeholder:"HEADER"`

	// Commas or vertical bars separate the groups. An example is Remote-Groups.
	ProxyAuthGroupsHeader string `help:"Header with the groups of that user." placeholder:"HEADER"`

	// The secret has 16 characters or more.
	ProxyAuthSecretFile string `help:"File with the proxy's secret in X-Bramble-Proxy-Secret." placeholder:"FILE"`

	// Any program at that address can then act as any user.
	ProxyAuthWithoutSecret bool   `help:"Accept the proxy's address as proof."`
	ProxyAuthLogoutURL     string `help:"URL that ends the login at the proxy." placeholder:"URL"`

	// It begins with https, or with http on this host.
	OIDCIssuer   string `help:"URL of the OpenID Connect provider for logins." placeholder:"URL"`
	OIDCClientID string `help:"The hub's client ID at the provider." placeholder:"ID"`

	// Without it the hub is a public client.
	OIDCClientSecretFile string `help:"File with the hub's client secret." placeholder:"FILE"`

	// It is the hub's address followed by /login/oidc/callback.
	OIDCRedirectURL string `help:"URL to which the provider returns the browser." placeholder:"URL"`

	// Many providers give groups only for the scope groups.
	OIDCScopes []string `help:"Scopes to request besides openid." default:"profile"`

	// Of the ID token or of the provider's userinfo. email counts only with email_verified.
	OIDCUserClaim string `help:"Claim that names the user." default:"preferred_username"`

	// A text or a list of texts. A dot selects a field of an object, such as realm_access.roles.
	OIDCGroupsClaim string `help:"Claim with the groups of the user." default:"groups"`
	OIDCName        string `help:"Name of the provider on the login page." default:"single sign-on"`

	// The login ends after it even while in use.
	OIDCSession time.Duration `help:"How long a login at the provider is valid." default:"12h"`

	JWTKeys   string `help:"Key set (JWKS) for bearer tokens (JWT), as a URL or a file." placeholder:"URL|FILE"`
	JWTIssuer string `help:"Issuer that bearer tokens must name." placeholder:"ISSUER"`

	// It must stand for this hub and no other program.
	JWTAudience string `help:"Audience that bearer tokens must name." placeholder:"AUDIENCE"`

	// As oidc-user-claim.
	JWTUserClaim string `help:"Claim of bearer tokens that names the user." default:"sub"`

	// As oidc-groups-claim.
	JWTGroupsClaim string `help:"Claim of bearer tokens with the groups." default:"groups"`
}

func (s *settings) hub(log *slog.Logger) (cfg hub.Config, err error) {
	if err := s.refuseZeros(); err != nil {
		return cfg, err
	}
	var cred credential.Credential
	if s.NATSCredentialFile != "" {
		if cred, err = credential.ReadFile(s.NATSCredentialFile); err != nil {
			return cfg, err
		}
	}
	cfg = hub.Config{
		HTTP: s.HTTP, NATS: s.NATS, NATSURL: s.NATSURL, NATSConfig: s.NATSConfig, NATSCredential: cred,
		NATSTrust: s.natsTrust(), NATSTLSCert: s.NATSTLSCert, NATSTLSKey: s.NATSTLSKey, Credentials: s.Credentials,
		RequireUsers: s.RequireUsers, AuditLog: s.auditFile(), SubjectRoot: s.SubjectRoot, Insecure: s.Insecure,
		Linger: s.Linger, WriteTimeout: s.WriteTimeout, LameDuck: s.LameDuck, FFmpeg: s.FFmpeg, HWAccel: s.HWAccel,
		MaxTranscodes: int(s.MaxTranscodes), MaxTranscodeMemory: s.MaxTranscodeMemory,
		MaxMegapixels: s.MaxMegapixels,
		MaxFPS:        s.MaxFPS, MaxBandwidth: s.MaxBandwidth, MaxCameras: s.MaxCameras,
		MaxCamerasPerAgent: s.MaxCamerasPerAgent, DefaultCamera: s.DefaultCamera,
		TLSCert: s.TLSCert, TLSKey: s.TLSKey, AllowOrigins: s.AllowOrigin, AllowHosts: s.AllowHost,
		HTTPPublished: s.HTTPPublished, TrustedProxies: s.TrustedProxy, Limits: s.limits(), Version: version, Log: log,
	}
	if cfg.CredentialsKV, err = s.bucket(); err != nil {
		return cfg, err
	}
	return cfg, s.fill(&cfg)
}

func (s *settings) natsTrust() tlstrust.Settings {
	return tlstrust.Settings{CA: s.NATSTLSCA, Fingerprints: s.NATSTLSFingerprint, Prefix: "nats-tls"}
}

func (s *settings) limits() hub.Limits {
	return hub.Limits{Viewers: s.MaxViewers, PerAddress: s.MaxViewersPerAddress, PerCamera: s.MaxViewersPerCamera,
		Rate: s.MaxConnectionRate}
}

// In all settings 0 means without a limit, or none. It never means the default. Settings that always have a limit
// refuse it.

// processLimit is a number of processes. auto, which is the zero value, means the default of this machine.
type processLimit int

// auto is the text of the zero value.
const auto = "auto"

// String implements fmt.Stringer.
func (l processLimit) String() string {
	if l == 0 {
		return auto
	}
	return strconv.Itoa(int(l))
}

// Decode implements kong.MapperValue.
func (l *processLimit) Decode(ctx *kong.DecodeContext) error {
	var value any // a number in the file
	if err := ctx.Scan.PopValueInto("number", &value); err != nil {
		return err
	}
	if value == auto {
		*l = 0
		return nil
	}
	n, err := strconv.Atoi(fmt.Sprint(value))
	if err != nil || n < 1 {
		return fmt.Errorf("%v: give a number such as 8, or auto for the default of this machine", value)
	}
	*l = processLimit(n)
	return nil
}

// refuseZeros refuses 0 for settings that have no state without a limit. It once meant the default.
func (s *settings) refuseZeros() error {
	for _, z := range []struct {
		name    setting.Name
		zero    bool
		example string
	}{
		{"linger", s.Linger == 0, "a time such as 10s"},
		{"write-timeout", s.WriteTimeout == 0, "a time such as 10s"},
		{"max-cameras", s.MaxCameras == 0, "a number such as 4096"},
		{"max-cameras-per-agent", s.MaxCamerasPerAgent == 0, "a number such as 256"},
	} {
		if z.zero {
			return setting.Errorf("%s 0: 0 does not mean the default: give %s, or leave it out for the default",
				z.name, z.example)
		}
	}
	return nil
}

// maxSecretFile bounds a file with a secret, in bytes.
const maxSecretFile = 4096

func (s *externalSettings) fill(cfg *hub.Config) error {
	shared, err := readSecret("--proxy-auth-secret-file", s.ProxyAuthSecretFile)
	if err != nil {
		return err
	}
	cfg.ProxyAuth = hub.ProxyAuth{
		UserHeader: s.ProxyAuthUserHeader, GroupsHeader: s.ProxyAuthGroupsHeader, Secret: shared,
		WithoutSecret: s.ProxyAuthWithoutSecret, LogoutURL: s.ProxyAuthLogoutURL,
	}
	client, err := readSecret("--oidc-client-secret-file", s.OIDCClientSecretFile)
	if err != nil {
		return err
	}
	cfg.OIDC = hub.OIDC{
		Issuer: s.OIDCIssuer, ClientID: s.OIDCClientID, ClientSecret: client, RedirectURL: s.OIDCRedirectURL,
		Scopes: s.OIDCScopes, UserClaim: s.OIDCUserClaim, GroupsClaim: s.OIDCGroupsClaim, Name: s.OIDCName,
		Session: s.OIDCSession,
	}
	cfg.JWT = hub.JWT{
		Keys: s.JWTKeys, Issuer: s.JWTIssuer, Audience: s.JWTAudience,
		UserClaim: s.JWTUserClaim, GroupsClaim: s.JWTGroupsClaim,
	}
	return nil
}

// readSecret reads a file with one line. "" means no file. The other program may also need to read the file, so its
// mode is left to the operator, except that other users must not read it.
func readSecret(flag, name string) (secret.Text, error) {
	if name == "" {
		return "", nil
	}
	f, err := os.Open(name)
	if err != nil {
		return "", fmt.Errorf("%s: %w", flag, err)
	}
	defer func() { _ = f.Close() }() // it was only read
	info, err := f.Stat()
	if err != nil {
		return "", fmt.Errorf("%s: %w", flag, err)
	}
	if info.Mode().IsRegular() && info.Mode().Perm()&0o007 != 0 {
		return "", fmt.Errorf("%s %s: every user of this host can read it (mode %04o): chmod o= %s",
			flag, name, info.Mode().Perm(), name)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxSecretFile+1))
	if err != nil {
		return "", fmt.Errorf("%s: %w", flag, err)
	}
	text := strings.TrimSpace(string(data))
	if text == "" || len(data) > maxSecretFile || strings.ContainsAny(text, "\r\n") {
		return "", fmt.Errorf("%s %s: it should hold one line, the secret, of at most %d bytes", flag, name, maxSecretFile)
	}
	return secret.Text(text), nil
}

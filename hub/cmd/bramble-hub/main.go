// Command bramble-hub relays cameras from NATS to any number of viewers.
package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/bramble-cam/bramble/hub"
	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/internal/buildversion"
	"github.com/bramble-cam/bramble/internal/config"
	"github.com/bramble-cam/bramble/internal/natsconn/credential"
	"github.com/bramble-cam/bramble/internal/natsconn/tlstrust"
	"github.com/bramble-cam/bramble/internal/printable"
	"github.com/bramble-cam/bramble/internal/setting"
)

// version is set by the linker: -X main.version=1.2.3.
var version = buildversion.Default

const description = `Relay cameras from NATS to any number of viewers, as JPEG, MJPEG, H.264 and MP4.

Examples:

  bramble-hub demo                                   four made-up cameras, to look at
  bramble-hub                                        page on http://127.0.0.1:8080, NATS for agents on 127.0.0.1:4222
  bramble-hub --nats-url nats://a:4222,nats://b:4222 use a NATS system that runs already
  bramble-hub --config hub.yaml                      the same settings from a file: "http: 127.0.0.1:9000"

As a service, with the first user, and open to other hosts:

  sudo bramble-hub setup anna

Who may do what, in a file that a running hub follows:

  bramble-hub user add anna --role operator --cameras 'lab-*'
  bramble-hub agent add porch                        prints the line with which that agent joins, and its token
  bramble-hub cert                                   makes a certificate for TLS, and prints its fingerprint
  bramble-hub link porch --expires 24h               a link to one camera for whoever has it

Every setting is also an environment variable (BRAMBLE_HTTP, BRAMBLE_NATS_URL, ...) and a key of the file. A flag wins over the environment, that over the
file, that over the default.`

// settings are the hub's flags, environment variables and keys of the file.
type settings struct {
	config.Logging   `embed:""`
	externalSettings `embed:""`

	HTTP                 string        `help:"Address of the page and the API (${default})." default:"127.0.0.1:8080" placeholder:"HOST:PORT"`
	HTTPPublished        string        `name:"http-published" help:"In a container: the host's address at which --http is published, such as 127.0.0.1:8080. It decides, instead of --http, whether other hosts reach the hub." placeholder:"HOST:PORT"`
	NATS                 string        `help:"Address of the embedded NATS server, where agents connect (${default})." default:"127.0.0.1:4222" placeholder:"HOST:PORT"`
	NATSURL              string        `name:"nats-url" help:"Use this NATS system instead of the embedded server; several URLs are joined by commas." placeholder:"URL"`
	NATSConfig           string        `name:"nats-config" help:"A standard NATS configuration file for the embedded server (cluster, leaf nodes, TLS ...)." placeholder:"FILE" type:"existingfile"`
	NATSTLSCert          string        `name:"nats-tls-cert" help:"The embedded NATS server speaks TLS, with the certificate in this PEM file; it may be that of --tls-cert." placeholder:"FILE"`
	NATSTLSKey           string        `name:"nats-tls-key" help:"The PEM file with that certificate's private key." placeholder:"FILE"`
	NATSTLSCA            string        `name:"nats-tls-ca" help:"With --nats-url: PEM file with the certificate of the authority that has signed that system's (default: whom this host trusts)." placeholder:"FILE"`
	NATSTLSFingerprint   []string      `name:"nats-tls-fingerprint" help:"With --nats-url: trust the key with this fingerprint and no other; several are joined by commas." placeholder:"sha256:HEX"`
	NATSCredentialFile   string        `name:"nats-credential-file" help:"File with the NKey seed that the hub shows to a NATS system with users of its own." placeholder:"FILE"`
	Credentials          string        `help:"The file with users, API tokens, agents and consumers (default: credentials.json in the state directory)." placeholder:"FILE"`
	AuditLog             string        `help:"Also write audit lines to this file, as JSON lines; none: to the log only (default: audit.jsonl in $$STATE_DIRECTORY, if that is set)." placeholder:"FILE"`
	RequireUsers         bool          `help:"Do not start without users, and deny all access while there are none. \"bramble-hub setup\" sets it."`
	CredentialsKV        string        `name:"credentials-kv" help:"Synchronize the credentials file with other hubs through this NATS KV bucket." placeholder:"BUCKET"`
	CredentialsKVURL     string        `name:"credentials-kv-url" help:"URL of the NATS system with that bucket (default: --nats-url)." placeholder:"URL"`
	CredentialsKVFile    string        `name:"credentials-kv-credential-file" help:"File with the NKey seed for that system, of an account with JetStream (default: --nats-credential-file)." placeholder:"FILE"`
	SubjectRoot          string        `help:"What every NATS subject begins with (${default})." default:"cam" placeholder:"TOKEN"`
	Linger               time.Duration `help:"How long a camera stays subscribed after its last viewer has left." default:"10s"`
	WriteTimeout         time.Duration `help:"How long one write to a viewer may take before the viewer is given up." default:"10s"`
	LameDuck             time.Duration `help:"When the hub is told to stop: how long a load balancer has to notice, and viewers to go one by one, before it does (${default})." default:"0s"`
	FFmpeg               string        `name:"ffmpeg" help:"The ffmpeg program, which makes formats and sizes that a camera does not have (${default}, found in PATH)." default:"ffmpeg" placeholder:"PATH"`
	HWAccel              string        `name:"hwaccel" help:"Hardware for H.264 in ffmpeg: ${enum} (${default})." default:"none" enum:"none,vaapi,nvenc,v4l2m2m" placeholder:"NAME"`
	MaxTranscodes        processLimit  `help:"Maximum number of ffmpeg processes at a time (${default}: 16 per processor, fewer with little memory)." default:"auto" placeholder:"N"`
	MaxTranscodeMemory   int           `help:"MiB of memory that each ffmpeg process may have (${default}; 0: no limit)." default:"1024" placeholder:"MIB"`
	DefaultCamera        string        `help:"The camera of URLs that name none, such as /?action=stream; without it the first by name." placeholder:"CAMERA"`
	TLSCert              string        `name:"tls-cert" help:"Serve HTTPS, HTTP/2 included, with the certificate in this PEM file." placeholder:"FILE"`
	TLSKey               string        `name:"tls-key" help:"The PEM file with the certificate's private key." placeholder:"FILE"`
	MaxViewers           int           `help:"How many viewers there may be (${default}; 0: no limit)." default:"4000" placeholder:"N"`
	MaxViewersPerAddress int           `help:"How many of them from one address other than this host (${default}; 0: no limit)." default:"1000" placeholder:"N"`
	MaxViewersPerCamera  int           `help:"How many of them for one camera (${default}; 0: no limit)." default:"2000" placeholder:"N"`
	MaxConnectionRate    int           `help:"How many new HTTP connections are taken a second; more wait, so that a rush does not hold up those who watch (${default}; 0: no limit)." default:"1000" placeholder:"N"`
	MaxFPS               int           `name:"max-fps" help:"How many frames a second are taken of a camera; more are dropped (${default}; 0: no limit)." default:"300" placeholder:"N"`
	MaxMegapixels        int           `help:"Maximum size of a picture in million pixels (${default}; 0: no limit below the 67 that can be decoded)." default:"40" placeholder:"N"`
	MaxBandwidth         int           `help:"How many MB a second are taken of a camera; more are dropped (${default}; 0: no limit)." default:"50" placeholder:"N"`
	MaxCameras           int           `help:"How many cameras the hub gets to know (${default})." default:"4096" placeholder:"N"`
	MaxCamerasPerAgent   int           `help:"How many of them one agent may bring (${default})." default:"256" placeholder:"N"`
	TrustedProxy         []string      `help:"Addresses and networks of reverse proxies to trust for X-Forwarded-For, -Proto, -Host and -Prefix (${default}), joined by commas; none: no proxy." default:"127.0.0.0/8,::1" placeholder:"ADDR"`
	AllowOrigin          []string      `help:"Origins of other web pages that may show cameras, such as https://example.org, joined by commas." placeholder:"ORIGIN"`
	AllowHost            []string      `help:"Host names to accept besides this host's own while authentication is off: cams.example.org, *.example.org, * for every name; joined by commas." placeholder:"NAME"`
	Insecure             bool          `help:"Allow addresses that other hosts can reach, though nobody is asked for a password."`
}

type cli struct {
	settings

	Config  configFlag       `help:"YAML file with the same settings." placeholder:"FILE"`
	Version kong.VersionFlag `help:"Print the version." env:"-"`

	credentialsNamed  bool // the credentials file is not the default
	auditLogIsDefault bool // the audit log is the default

	Serve  struct{}      `cmd:"" default:"1" help:"Relay cameras (what happens without a command)."`
	Check  checkCommand  `cmd:"" help:"Say whether the settings are right, what they are and where each comes from."`
	Doctor doctorCommand `cmd:"" help:"Look at ports, NATS, agents, ffmpeg, clock, disk and memory, and say what helps."`
	Demo   struct{}      `cmd:"" help:"Relay four made-up cameras, all in this process, on this host only."`

	Setup  setupCommand  `cmd:"" help:"Make the first user, let other hosts in, and start the service."`
	Health healthCommand `cmd:"" help:"Ask the hub that runs with these settings whether it is alive: exit code 0 or 1."`

	User    userCommands        `cmd:"" help:"Who may watch: add, list, set, passwd, remove."`
	Mapping mappingCommands     `cmd:"" help:"Rights for logins at a proxy or an identity provider: add, list, set, remove."`
	Audit   auditCommand        `cmd:"" help:"Show the audit log: logins, viewings and changes."`
	Group   groupCommands       `cmd:"" help:"Camera groups, which grants name as @GROUP: add, list, set, remove."`
	Token   tokenCommands       `cmd:"" help:"API tokens, with which programs act for a user: add, list, remove."`
	Copies  credentialsCommands `cmd:"" name:"credentials" help:"The credentials in the bucket of --credentials-kv: push, pull, status."`

	Link     linkCommand      `cmd:"" help:"Sign a link to one camera, for whoever has it."`
	Agent    agentCommands    `cmd:"" help:"Agents that may publish cameras: add, list, remove."`
	Cert     certCommand      `cmd:"" help:"Make a certificate for the page and for NATS, signed by itself, or renew it with the same key."`
	Consumer consumerCommands `cmd:"" help:"Programs that may subscribe to cameras by NATS: add, list, remove."`
}

// configFlag is kong.ConfigFlag, but accepts a missing file, which setup creates.
type configFlag string

// BeforeResolve implements kong's hook of that name.
func (configFlag) BeforeResolve(k *kong.Kong, parsed *kong.Context, trace *kong.Path) error {
	name, _ := parsed.FlagValue(trace.Flag).(configFlag)
	command, _, _ := strings.Cut(parsed.Command(), " ")
	return config.LoadFile(k, parsed, string(name), command == "setup")
}

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// run makes all output pass through a printable.Writer. The terminal then cannot obey control characters from agents,
// servers and files.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) (exitCode int) {
	stdout, stderr = printable.NewWriter(stdout), printable.NewWriter(stderr)
	c, parsed, err := readSettings(args)
	if err != nil {
		return config.Fail(stderr, "bramble-hub", err)
	}
	level := &slog.LevelVar{}
	log := c.Logger(stderr, level)
	config.WarnExposedSecrets(log, parsed, nil)
	switch command := parsed.Command(); command {
	case "serve", "demo":
	case "doctor":
		ctx, stop := config.StopContext(log)
		defer stop()
		return c.Doctor.run(ctx, c, stdout, stderr)
	case "check":
		if err := check(c, parsed, log, stdout); err != nil {
			return config.Fail(stderr, "bramble-hub", err)
		}
		return 0
	default:
		cmd := &cmdContext{
			settings: &c.settings, file: string(c.Config), local: c.local(),
			stdin: stdin, stdout: stdout, stderr: stderr, log: c.auditLogger(log),
		}
		return failed(stderr, parsed.Run(cmd))
	}
	cfg, err := c.hub(log)
	if err != nil {
		return config.Fail(stderr, "bramble-hub", err)
	}
	cfg.RequireCredentialsFile, cfg.AuditLogOptional = c.credentialsNamed, c.auditLogIsDefault
	if err := c.firstPull(log); err != nil {
		return failed(stderr, err)
	}
	h, err := hub.New(cfg)
	if errors.Is(err, credstore.ErrMissing) { // a mount may be late
		return failed(stderr, err)
	}
	if err != nil {
		return config.Fail(stderr, "bramble-hub", err)
	}
	ctx, stop := config.StopContext(log)
	defer stop()
	serve := h.Run
	if parsed.Command() == "demo" {
		serve = demo{hub: h, root: c.SubjectRoot, log: log}.run
	}
	r := &reloader{args: args, hub: h, inForce: config.Settings(parsed), logLevel: level, log: log}
	return failed(stderr, config.Serve(ctx, serve, r.reload))
}

// isServer reports whether the program stays, and does not change the credentials only.
func isServer(parsed *kong.Context) bool {
	return parsed.Command() == "serve" || parsed.Command() == "demo"
}

// withServiceConfig gives root's commands the settings of the service, whose credentials they change, unless others are
// named.
func (c *cli) withServiceConfig(parser *kong.Kong, parsed *kong.Context, args []string) (*kong.Context, error) {
	if _, err := os.Stat(configFile); c.Config != "" || isServer(parsed) || os.Geteuid() != 0 || err != nil {
		return parsed, nil
	}
	return parser.Parse(append([]string{"--config=" + configFile}, args...))
}

// failed tells of an error that trying again may cure, and returns the exit code.
func failed(stderr io.Writer, err error) int {
	if err == nil {
		return 0
	}
	_, _ = fmt.Fprintf(stderr, "bramble-hub: %s\n", setting.Flags(err)) // there is nobody else to tell
	return 1
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

// Command bramble-hub relays cameras from NATS to any number of viewers.
package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/alecthomas/kong"

	"github.com/bramble-cam/bramble/hub"
	"github.com/bramble-cam/bramble/shared/conf"
)

// version is set by the linker: -X main.version=1.2.3.
var version = "0.1.0-dev"

const description = `Relay cameras from NATS to any number of viewers, as JPEG, MJPEG, H.264 and MP4.

Examples:

  bramble-hub demo                                   four made-up cameras, to look at
  bramble-hub                                        page on http://127.0.0.1:8080, NATS for agents on 127.0.0.1:4222
  bramble-hub --nats-url nats://a:4222,nats://b:4222 use a NATS system that runs already
  bramble-hub --config hub.yaml                      the same settings from a file: "http: 127.0.0.1:9000"

Every setting is also an environment variable (BRAMBLE_HTTP, BRAMBLE_NATS_URL, ...) and a key of the file. A flag wins over the environment, that over the
file, that over the default.`

// settings are the hub's flags, environment variables and keys of the file.
type settings struct {
	conf.Logging `embed:""`

	HTTP          string        `help:"Address of the page and the API (${default})." default:"127.0.0.1:8080" placeholder:"HOST:PORT"`
	NATS          string        `help:"Address of the embedded NATS server, where agents connect (${default})." default:"127.0.0.1:4222" placeholder:"HOST:PORT"`
	NATSURL       string        `name:"nats-url" help:"Use this NATS system instead of the embedded server; several URLs are joined by commas." placeholder:"URL"`
	NATSConfig    string        `name:"nats-config" help:"A standard NATS configuration file for the embedded server (cluster, leaf nodes, TLS ...)." placeholder:"FILE" type:"existingfile"`
	SubjectRoot   string        `help:"What every NATS subject begins with (${default})." default:"cam" placeholder:"TOKEN"`
	Linger        time.Duration `help:"How long a camera stays subscribed after its last viewer has left." default:"10s"`
	WriteTimeout  time.Duration `help:"How long one write to a viewer may take before the viewer is given up." default:"10s"`
	FFmpeg        string        `name:"ffmpeg" help:"The ffmpeg program, which makes formats and sizes that a camera does not have (${default}, found in PATH)." default:"ffmpeg" placeholder:"PATH"`
	HWAccel       string        `name:"hwaccel" help:"Hardware for H.264 in ffmpeg: ${enum} (${default})." default:"none" enum:"none,vaapi,nvenc,v4l2m2m" placeholder:"NAME"`
	MaxTranscodes int           `help:"How many ffmpeg processes there may be at a time (${default})." default:"32" placeholder:"N"`
	DefaultCamera string        `help:"The camera of URLs that name none, such as /?action=stream; without it the first by name." placeholder:"CAMERA"`
	TLSCert       string        `name:"tls-cert" help:"Serve HTTPS, HTTP/2 included, with the certificate in this PEM file." type:"existingfile" placeholder:"FILE"`
	TLSKey        string        `name:"tls-key" help:"The PEM file with the certificate's private key." type:"existingfile" placeholder:"FILE"`
	AllowOrigin   []string      `help:"Origins of other people's pages that may open /ws, such as https://example.org; several are joined by commas." placeholder:"ORIGIN"`
	Insecure      bool          `help:"Allow addresses that other hosts can reach, though nobody is asked for a password."`
}

type cli struct {
	settings

	Config  kong.ConfigFlag  `help:"YAML file with the same settings." placeholder:"FILE"`
	Version kong.VersionFlag `help:"Print the version." env:"-"`

	Serve struct{} `cmd:"" default:"1" help:"Relay cameras (what happens without a command)."`
	Demo  struct{} `cmd:"" help:"Relay four made-up cameras, all in this process, on this host only."`
}

func main() { os.Exit(run(os.Args[1:], os.Stderr)) }

func run(args []string, stderr io.Writer) (exitCode int) {
	var c cli
	parser, err := kong.New(&c, conf.Options("bramble-hub", description, version)...)
	if err != nil {
		return conf.Fail(stderr, "bramble-hub", err)
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		return conf.Fail(stderr, "bramble-hub", err)
	}
	log := c.Logger(stderr)
	h, err := hub.New(c.hub(log))
	if err != nil {
		return conf.Fail(stderr, "bramble-hub", err)
	}
	ctx, stop := conf.StopContext(log)
	defer stop()
	serve := h.Run
	if parsed.Command() == "demo" {
		serve = demo{hub: h, root: c.SubjectRoot, log: log}.run
	}
	if err := serve(ctx); err != nil {
		_, _ = fmt.Fprintf(stderr, "bramble-hub: %v\n", err) // there is nobody else to tell
		return 1
	}
	return 0
}

func (s *settings) hub(log *slog.Logger) hub.Config {
	return hub.Config{
		HTTP: s.HTTP, NATS: s.NATS, NATSURL: s.NATSURL, NATSConfig: s.NATSConfig, SubjectRoot: s.SubjectRoot, Insecure: s.Insecure,
		Linger: s.Linger, WriteTimeout: s.WriteTimeout, FFmpeg: s.FFmpeg, HWAccel: s.HWAccel, MaxTranscodes: s.MaxTranscodes, DefaultCamera: s.DefaultCamera,
		TLSCert: s.TLSCert, TLSKey: s.TLSKey, AllowOrigins: s.AllowOrigin, Version: version, Log: log,
	}
}

// Command bramble-agent publishes the cameras of this host to NATS while somebody watches them.
package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/alecthomas/kong"

	"github.com/bramble-cam/bramble/agent"
	"github.com/bramble-cam/bramble/shared/conf"
)

// version is set by the linker: -X main.version=1.2.3.
var version = "0.1.0-dev"

const description = `Publish the cameras of this host to NATS while somebody watches them.

Examples:

  bramble-agent --hub nats://hub:4222 --camera porch=pattern:
  bramble-agent --hub nats://hub:4222 --camera 'door=file:clip.h264#fps=25'
  bramble-agent --hub nats://hub:4222 --camera 'desk=exec:rpicam-vid -n -t 0 --inline --flush -o -#format=h264'
  bramble-agent --config agent.yaml

Sources:

  pattern:#size=1280x720&fps=15&quality=80   test card with the camera's name and a clock
  file:PATH#fps=25                           loops a .h264, .mjpeg or .jpeg file
  exec:COMMAND#format=h264                   standard output of any command; format is h264 or mjpeg

Every flag is also an environment variable (BRAMBLE_HUB, BRAMBLE_CAMERA, ...) and a key of the file. A flag wins over the environment, that over the
file, that over the default.`

type cli struct {
	conf.Logging `embed:""`

	Hub         string           `help:"NATS URL of the hub; several are joined by commas." default:"nats://127.0.0.1:4222" placeholder:"URL"`
	Camera      []string         `help:"A camera and where its frames come from; give one for each." placeholder:"NAME=SOURCE" sep:"none"`
	SubjectRoot string           `help:"First token of every NATS subject." default:"cam" placeholder:"TOKEN"`
	Linger      time.Duration    `help:"How long a camera stays open after its last subscriber has left." default:"10s"`
	Takeover    bool             `help:"Start even if another agent serves a camera of the same name."`
	Host        string           `help:"Name of this host in the status (default: its own)." placeholder:"NAME"`
	Config      kong.ConfigFlag  `help:"YAML file with the same settings." placeholder:"FILE"`
	Version     kong.VersionFlag `help:"Print the version." env:"-"`
}

func main() { os.Exit(run(os.Args[1:], os.Stderr)) }

func run(args []string, stderr io.Writer) (exitCode int) {
	var c cli
	parser, err := kong.New(&c, conf.Options("bramble-agent", description, version)...)
	if err != nil {
		return conf.Fail(stderr, "bramble-agent", err)
	}
	if _, err := parser.Parse(args); err != nil {
		return conf.Fail(stderr, "bramble-agent", err)
	}
	cfg := agent.Config{
		Hub: c.Hub, SubjectRoot: c.SubjectRoot, Linger: c.Linger, Takeover: c.Takeover, Host: c.Host, Version: version, Log: c.Logger(stderr),
	}
	for _, s := range c.Camera {
		camera, err := agent.ParseCamera(s)
		if err != nil {
			return conf.Fail(stderr, "bramble-agent", err)
		}
		cfg.Cameras = append(cfg.Cameras, camera)
	}
	a, err := agent.New(cfg)
	if err != nil {
		return conf.Fail(stderr, "bramble-agent", err)
	}
	ctx, stop := conf.StopContext(cfg.Log)
	defer stop()
	if err := a.Run(ctx); err != nil {
		_, _ = fmt.Fprintf(stderr, "bramble-agent: %v\n", err) // there is nobody else to tell
		return 1
	}
	return 0
}

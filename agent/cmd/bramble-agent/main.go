// Command bramble-agent publishes the cameras of this host to NATS while they have viewers.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"time"

	"github.com/alecthomas/kong"

	"github.com/bramble-cam/bramble/agent"
	"github.com/bramble-cam/bramble/internal/buildversion"
	"github.com/bramble-cam/bramble/internal/config"
	"github.com/bramble-cam/bramble/internal/natsconn/credential"
	"github.com/bramble-cam/bramble/internal/natsconn/tlstrust"
	"github.com/bramble-cam/bramble/internal/printable"
	"github.com/bramble-cam/bramble/internal/secret"
	"github.com/bramble-cam/bramble/internal/setting"
)

// version is set by the linker: -X main.version=1.2.3.
var version = buildversion.Default

const description = `Publish the cameras of this host to NATS while they have viewers.

Examples:

  sudo bramble-agent join tls://hub:4222 --camera porch as a service; "bramble-hub agent add porch" prints this line
  bramble-agent devices                                 cameras of this host, and a configuration file for them
  bramble-agent --hub nats://hub:4222                   publish every camera found
  bramble-agent --hub nats://hub:4222 --credential-file porch.credential --camera 'porch=v4l2:/dev/video0'
  bramble-agent --hub tls://hub:4222 --tls-fingerprint sha256:... a hub with TLS, identified by its key
  bramble-agent --config agent.yaml                     settings from a file
  bramble-agent --camera 'desk=v4l2:/dev/video0'        only this camera, for a hub on this host
  bramble-agent --camera 'porch=rpicam:0#size=1920x1080'
  bramble-agent --camera 'test=pattern:' --camera 'door=file:clip.h264#fps=25'

Without --camera, and without cameras in the file, the agent uses every camera that it finds, also later ones.

Sources:

  v4l2:PATH#format=mjpeg&size=1280x720&fps=30   webcam: /dev/v4l/by-id/... or /dev/video0; mjpeg, h264, yuyv, nv12
  rpicam:0#codec=h264&size=1280x720&fps=30      first Pi camera, through rpicam-vid; codec is h264 or mjpeg
  exec:COMMAND#format=h264                      standard output of any command; format is h264 or mjpeg
  file:PATH#fps=25                              loops a .h264, .mjpeg or .jpeg file
  pattern:#size=1280x720&fps=15&quality=80      test card with the camera's name and a clock

Every setting is a flag, an environment variable (BRAMBLE_HUB, BRAMBLE_CAMERA, ...) and a key of the file. A flag wins
over the environment, the environment over the file, and the file over the default.`

// healthTimeout is how long all cameras may take to answer.
const healthTimeout = 5 * time.Second

// settings are the agent's flags, environment variables and keys of the file. The help of a flag is short. A comment of
// a field holds details, which only the reference page and the example file show.
type settings struct {
	// Commas join several URLs. tls:// insists on TLS; nats:// uses TLS if the hub has it.
	Hub string `help:"NATS URL of the hub." default:"nats://127.0.0.1:4222" placeholder:"URL"`

	// "bramble-hub agent add" prints the token. It is on a line of its own; lines that begin with # are comments. Only the
	// owner may read the file. The word none stands for no token.
	CredentialFile string `help:"File with the token of this agent." placeholder:"FILE"`

	// Every user of this host can see a flag: better use --credential-file.
	Credential secret.Text `help:"Token of this agent." placeholder:"SEED"`

	// "bramble-hub agent add" prints it: the SHA-256 of the hub's public key (SubjectPublicKeyInfo). The agent then trusts
	// no other key. Several may be given while keys change. Insists on TLS.
	TLSFingerprint []string `name:"tls-fingerprint" help:"Fingerprint of the hub's key." placeholder:"sha256:HEX"`

	// It may be the hub's certificate itself. The default is this host's list of authorities. Insists on TLS. Not together
	// with --tls-fingerprint.
	TLSCA string `name:"tls-ca" help:"PEM file with the CA of the hub's certificate." placeholder:"FILE"`

	// Without it the agent uses every camera that this host has or gets. "bramble-agent devices" prints what to write,
	// such as:
	//
	//	- 'porch=v4l2:/dev/v4l/by-id/usb-046d_C920-video-index0#format=mjpeg&size=1280x720&fps=30'
	//	- 'door=rpicam:0#codec=h264&size=1280x720&fps=30&bitrate=2000000'
	//	- 'desk=exec:python3 mjpeg.py#format=mjpeg'
	//	- 'test=pattern:#size=1280x720&fps=15'
	Camera []string `help:"Camera and the source of its frames; repeat the flag." placeholder:"NAME=SOURCE" sep:"none"`

	// The hub must have the same.
	SubjectRoot string        `help:"First token of every NATS subject." default:"cam" placeholder:"TOKEN"`
	Linger      time.Duration `help:"How long a camera stays open after its last subscriber left." default:"10s"`
	Takeover    bool          `help:"Start even if another agent serves a camera of the same name."`

	// It is in the status, and begins the names of cameras that the agent finds. The default is the host's own name.
	Host string `help:"Name of this host." placeholder:"NAME"`

	config.Logging `embed:""`
}

type cli struct {
	settings

	Config  configFlag       `help:"YAML file with the same settings." placeholder:"FILE"`
	Version kong.VersionFlag `help:"Print the version." env:"-"`

	Serve   struct{}       `cmd:"" default:"1" help:"Publish cameras (the default command)."`
	Join    joinCommand    `cmd:"" help:"Join a hub: test the connection, write the settings, start the service."`
	Health  struct{}       `cmd:"" help:"Ask the running agent for its health (exit code 0 or 1)."`
	Check   checkCommand   `cmd:"" help:"Check the settings, and print each with its source."`
	Devices devicesCommand `cmd:"" help:"List the cameras of this host, and print a configuration file for them."`
}

func main() {
	boundMemory(os.LookupEnv)
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run prints everything through a printable.Writer, so that texts of cameras, hubs and files cannot control a terminal.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) (exitCode int) {
	stdout, stderr = printable.NewWriter(stdout), printable.NewWriter(stderr)
	c, parsed, err := readSettings(args)
	if err != nil {
		return config.Fail(stderr, "bramble-agent", err)
	}
	level := &slog.LevelVar{}
	log := c.Logger(stderr, level)
	config.WarnExposedSecrets(log, parsed, remedies())
	switch parsed.Command() {
	case "devices":
		ctx, stop := config.StopContext(log)
		defer stop()
		return failed(stderr, c.Devices.run(ctx, &c.settings, stdout, stderr))
	case "check":
		if err := check(c, parsed, log, stdout); err != nil {
			return config.Fail(stderr, "bramble-agent", err)
		}
		return 0
	case joinCommandName:
		ctx, stop := config.StopContext(log)
		defer stop()
		return failed(stderr, c.Join.run(ctx, joinRun{
			settings: &c.settings, file: string(c.Config), onCommandLine: settingsOnCommandLine(parsed),
			inFile: config.FromFile(parsed),
			stdin:  stdin, out: stderr,
		}))
	}
	cfg, err := c.agent(log)
	if err != nil {
		return config.Fail(stderr, "bramble-agent", err)
	}
	if parsed.Command() == "health" {
		ctx, cancel := context.WithTimeout(context.Background(), healthTimeout)
		defer cancel()
		return failed(stderr, agent.Health(ctx, cfg))
	}
	a, err := agent.New(cfg)
	if err != nil {
		return config.Fail(stderr, "bramble-agent", err)
	}
	ctx, stop := config.StopContext(log)
	defer stop()
	r := &reloader{args: args, agent: a, inForce: config.Settings(parsed), logLevel: level, log: log}
	debug.FreeOSMemory() // what reading the settings took is never needed again
	return failed(stderr, config.Serve(ctx, a.Run, r.reload))
}

// remedies say how to keep a secret off the command line.
func remedies() map[string]string {
	return map[string]string{ //nolint:gosec // help texts, no secrets
		"--token": "leave --token out, and join will ask for the token, or give --token-file FILE; replace this token with " +
			"\"bramble-hub agent remove NAME\" and \"agent add NAME\"",
		"--credential": "give --credential-file FILE, or set BRAMBLE_CREDENTIAL",
		"--hub": "write it into the configuration file, or set BRAMBLE_HUB; " +
			"better give the agent a credential of its own",
		"<url>": "give the agent a credential of its own; a password in the URL is also in the configuration file",
	}
}

// configFlag is kong.ConfigFlag, but allows a missing file for join, which creates it.
type configFlag string

// BeforeResolve implements kong's hook of that name.
func (configFlag) BeforeResolve(k *kong.Kong, parsed *kong.Context, trace *kong.Path) error {
	name, _ := parsed.FlagValue(trace.Flag).(configFlag)
	return config.LoadFile(k, parsed, string(name), parsed.Command() == joinCommandName)
}

// failed tells of an error that trying again may cure, and returns the exit code.
func failed(stderr io.Writer, err error) int {
	if err == nil {
		return 0
	}
	_, _ = fmt.Fprintf(stderr, "bramble-agent: %s\n", setting.Flags(err))
	return 1
}

// credential returns what the hub is shown, if there is something.
func (s *settings) credential() (credential.Credential, error) {
	switch {
	case s.Credential != "" && s.CredentialFile != "":
		return credential.Credential{}, errors.New("--credential and --credential-file: give one of them")
	case s.CredentialFile != "":
		return credential.ReadFile(s.CredentialFile)
	case s.Credential != "":
		c, err := credential.Parse(s.Credential)
		if err != nil {
			return c, fmt.Errorf("--credential: %w", err)
		}
		return c, nil
	}
	return credential.Credential{}, nil
}

func (s *settings) agent(log *slog.Logger) (agent.Config, error) {
	if s.Linger == 0 {
		return agent.Config{}, setting.Errorf("{linger} 0: 0 does not mean the default: " +
			"give a time such as 10s, or leave it out for the default")
	}
	cred, err := s.credential()
	if err != nil {
		return agent.Config{}, err
	}
	cfg := agent.Config{
		Hub: s.Hub, Credential: cred, Trust: tlstrust.Settings{CA: s.TLSCA, Fingerprints: s.TLSFingerprint, Prefix: "tls"},
		SubjectRoot: s.SubjectRoot, Linger: s.Linger, Takeover: s.Takeover, Host: s.Host, Version: version, Log: log,
	}
	for _, text := range s.Camera {
		camera, err := agent.ParseCamera(text)
		if err != nil {
			return cfg, err
		}
		cfg.Cameras = append(cfg.Cameras, camera)
	}
	return cfg, nil
}

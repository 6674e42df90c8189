// Command bramble-hub relays cameras from NATS to any number of viewers.
package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/bramble-cam/bramble/hub"
	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/internal/buildversion"
	"github.com/bramble-cam/bramble/internal/config"
	"github.com/bramble-cam/bramble/internal/printable"
	"github.com/bramble-cam/bramble/internal/setting"
)

// version is set by the linker: -X main.version=1.2.3.
var version = buildversion.Default

const description = `Relay cameras from NATS to any number of viewers, as JPEG, MJPEG, H.264, MP4 and MPEG-TS.

Examples:

  bramble-hub demo                                   four synthetic cameras
  bramble-hub                                        page on http://127.0.0.1:8080, NATS for agents on 127.0.0.1:4222
  bramble-hub --nats-url nats://a:4222,nats://b:4222 use an existing NATS system
  bramble-hub --config hub.yaml                      settings from a file, such as "http: 127.0.0.1:9000"

As a service, with the first user, and open to other hosts:

  sudo bramble-hub setup anna

Users, agents and links are in a file that a running hub follows:

  bramble-hub user add anna --role operator --cameras 'lab-*'
  bramble-hub agent add porch                        prints the command with which that agent joins, and its token
  bramble-hub cert                                   makes a certificate for TLS, and prints its fingerprint
  bramble-hub link porch --expires 24h               prints a link that shows one camera without a login

Every setting is a flag, an environment variable (BRAMBLE_HTTP, BRAMBLE_NATS_URL, ...) and a key of the file. A flag
wins over the environment, the environment over the file, and the file over the default.`

type cli struct {
	settings

	Config  configFlag       `help:"YAML file with the same settings." placeholder:"FILE"`
	Version kong.VersionFlag `help:"Print the version." env:"-"`

	credentialsNamed  bool // the credentials file is not the default
	auditLogIsDefault bool // the audit log is the default

	Serve  struct{}      `cmd:"" default:"1" help:"Relay cameras (the default command)."`
	Check  checkCommand  `cmd:"" help:"Check the settings, and print each with its source."`
	Doctor doctorCommand `cmd:"" help:"Check ports, NATS, agents, ffmpeg, clock, disk and memory, and print remedies."`
	Demo   struct{}      `cmd:"" help:"Relay four synthetic cameras in one process, on this host only."`

	Setup  setupCommand  `cmd:"" help:"Add the first user, open the hub to other hosts, and start the service."`
	Health healthCommand `cmd:"" help:"Ask the running hub for its health (exit code 0 or 1)."`

	User    userCommands        `cmd:"" help:"Manage users: add, list, set, passwd, remove."`
	Mapping mappingCommands     `cmd:"" help:"Manage rights of logins at a proxy or an identity provider."`
	Audit   auditCommand        `cmd:"" help:"Show the audit log: logins, viewers and changes."`
	Group   groupCommands       `cmd:"" help:"Manage camera groups, which grants name as @GROUP."`
	Token   tokenCommands       `cmd:"" help:"Manage API tokens, with which programs act for a user."`
	Copies  credentialsCommands `cmd:"" name:"credentials" help:"Synchronize credentials through --credentials-kv."`

	Link     linkCommand      `cmd:"" help:"Print a link that shows one camera without a login."`
	Agent    agentCommands    `cmd:"" help:"Manage agents that may publish cameras."`
	Cert     certCommand      `cmd:"" help:"Make or renew a self-signed certificate for the page and NATS."`
	Consumer consumerCommands `cmd:"" help:"Manage programs that may subscribe to cameras by NATS."`
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
	_, _ = fmt.Fprintf(stderr, "bramble-hub: %s\n", setting.Flags(err)) // nothing can be done about an error here
	return 1
}

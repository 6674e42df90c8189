package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/bramble-cam/bramble/agent"
	"github.com/bramble-cam/bramble/agent/internal/discover"
	"github.com/bramble-cam/bramble/internal/config"
	"github.com/bramble-cam/bramble/internal/secret"
	"github.com/bramble-cam/bramble/internal/systemd"
)

const (
	configFile      = "/etc/bramble/agent.yaml" // what the service reads
	unit            = "bramble-agent"
	joinCommandName = "join <url>" // as kong calls it
)

// joinCommand is the command of that name. Settings that stand on its command line go into the configuration file. A
// camera may be a name alone: it gets one that was found.
type joinCommand struct {
	URL       string      `arg:"" help:"NATS URL of the hub, or several, joined by commas."`
	Token     secret.Text `help:"Token of this agent, or - for standard input (default: join asks)." placeholder:"-"`
	TokenFile string      `help:"File with the token, readable by its owner only." placeholder:"FILE"`
	NoStart   bool        `help:"Write the configuration only; do not start the service." env:"-"`

	find    discover.Options
	service systemd.Manager
}

// joinRun is what a run of join has to do with.
type joinRun struct {
	*settings
	file          string            // "" means that of the service
	onCommandLine []config.KeyValue // on the command line
	inFile        []string          // names of settings that the file has
	stdin         io.Reader
	out           io.Writer // to the person who joins
}

// ownFlags returns the flags that join handles itself.
func ownFlags() []string {
	return []string{"config", "token", "token-file", "no-start", "camera", "credential", "credential-file", "hub"}
}

// settingsOnCommandLine returns the settings that stand on the command line.
func settingsOnCommandLine(parsed *kong.Context) (list []config.KeyValue) {
	for _, p := range parsed.Path {
		if f := p.Flag; f != nil && !p.Resolved && !slices.Contains(ownFlags(), f.Name) {
			list = append(list, config.KeyValue{Key: f.Name, Value: fmt.Sprint(f.Target.Interface())})
			if f.IsSlice() || f.IsBool() {
				list[len(list)-1].Value = f.Target.Interface()
			}
		}
	}
	return list
}

func (j *joinCommand) run(ctx context.Context, g joinRun) error {
	if g.file == "" {
		g.file = configFile
	}
	hub, err := withPort(j.URL)
	if err != nil {
		return err
	}
	s := g.forHub(hub)
	if s.Camera, err = j.cameras(ctx, s); err != nil {
		return err
	}
	token, err := j.token(ctx, g)
	if err != nil {
		return err
	}
	s.Hub, s.Credential, s.CredentialFile = hub, token, ""
	cfg, err := s.agent(slog.New(slog.DiscardHandler)) // what it says is in the error, too
	if err != nil {
		return err
	}
	a, err := agent.New(cfg)
	if err != nil {
		return err
	}
	if err := a.Check(ctx); err != nil {
		return err
	}
	g.printf("The hub lets this agent in.")
	if err := g.write(s); err != nil {
		return err
	}
	return j.start(ctx, g)
}

// forHub returns the settings, without the file's settings for the certificate of another hub.
func (g joinRun) forHub(hub string) settings {
	s := *g.settings
	if s.Hub != hub && slices.Contains(g.inFile, "tls-ca") {
		s.TLSCA = ""
	}
	if s.Hub != hub && slices.Contains(g.inFile, "tls-fingerprint") {
		s.TLSFingerprint = nil
	}
	return s
}

// withPort returns the URLs with a scheme and a port.
func withPort(urls string) (string, error) {
	var out []string
	for one := range strings.SplitSeq(urls, ",") {
		if !strings.Contains(one, "://") {
			one = "nats://" + one
		}
		u, err := url.Parse(one)
		if err != nil || u.Host == "" {
			return "", fmt.Errorf("%q is no URL of a hub: it looks like nats://hub:4222", one)
		}
		if u.Port() == "" {
			u.Host += ":4222"
		}
		out = append(out, u.String())
	}
	return strings.Join(out, ","), nil
}

// cameras returns the cameras, those that are a name alone with a source that was found. Without any name all that are
// found are meant.
func (j *joinCommand) cameras(ctx context.Context, s settings) (list []string, err error) {
	list = slices.Clone(s.Camera)
	unknown := slices.DeleteFunc(slices.Clone(list), func(c string) bool { return strings.Contains(c, "=") })
	if len(unknown) == 0 {
		return list, nil
	}
	j.find.Host = s.Host
	found, err := discover.Cameras(ctx, j.find)
	if err != nil {
		return nil, fmt.Errorf("looking for cameras: %w", err)
	}
	usable, _ := splitUsable(found)
	usable = slices.DeleteFunc(usable, func(f discover.Camera) bool {
		return slices.ContainsFunc(list, func(c string) bool { return strings.HasSuffix(c, "="+f.Use.Source) })
	})
	if len(usable) < len(unknown) {
		return nil, fmt.Errorf(
			"%d cameras to join and %d found: plug in what is missing "+
				"(\"sudo bramble-agent devices\" lists the cameras and why one is not used), "+
				"or say where the frames come from: --camera %s=SOURCE, or --camera %[3]s=pattern: for a test card", len(unknown),
			len(usable), unknown[len(usable)])
	}
	for i, c := range list {
		if !strings.Contains(c, "=") {
			list[i] = c + "=" + usable[0].Use.Source
			usable = usable[1:]
		}
	}
	return list, nil
}

// write writes the configuration, and the token into a file of its own, which is root's alone.
func (g joinRun) write(s settings) error {
	secretFile := filepath.Join(filepath.Dir(g.file), "agent.credential")
	settings := slices.Concat([]config.KeyValue{{Key: "hub", Value: s.Hub}}, g.onCommandLine)
	if len(s.Camera) > 0 {
		settings = append(settings, config.KeyValue{Key: "camera", Value: s.Camera})
	}
	text := "none" // as the unit has it if there is no file
	if s.Credential != "" {
		text = s.Credential.Reveal()
	}
	settings = append(settings, config.KeyValue{Key: "credential-file", Value: secretFile})
	old, err := os.ReadFile(g.file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return asRoot(err)
	}
	if s.TLSCA == "" && config.HasKey(old, "tls-ca") { // of another hub
		settings = append(settings, config.KeyValue{Key: "tls-ca", Value: ""})
	}
	if len(s.TLSFingerprint) == 0 && config.HasKey(old, "tls-fingerprint") {
		settings = append(settings, config.KeyValue{Key: "tls-fingerprint", Value: []string{}})
	}
	data, err := config.SetKeys(old, settings...)
	if err != nil {
		return fmt.Errorf("%s: %w", g.file, err)
	}
	if err := os.MkdirAll(filepath.Dir(g.file), 0o755); err != nil { //nolint:gosec // as all of /etc
		return asRoot(err)
	}
	if err := config.WriteFileAtomic(secretFile, []byte("# shown to the hub; written by bramble-agent join\n"+text+"\n"),
		0o600); err != nil {
		return asRoot(err)
	}
	if err := config.WriteFileAtomic(g.file, data, g.mode()); err != nil {
		return asRoot(err)
	}
	g.printf("Written: %s, and %s, which only root can read. What was there before ends in .bak.", g.file, secretFile)
	return nil
}

// mode returns the mode of a new configuration file. The service's user must be able to read root's file, which
// contains no token.
func (g joinRun) mode() fs.FileMode {
	if os.Geteuid() == 0 {
		return 0o644
	}
	return 0o600
}

// asRoot says what helps against a lack of rights.
func asRoot(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%w: run this with sudo, or name another file with --config", err)
	}
	return err
}

// start starts the service, or says how.
func (j *joinCommand) start(ctx context.Context, g joinRun) error {
	byHand := "Start it with: bramble-agent --config " + g.file
	if j.NoStart || g.file != configFile && j.service == (systemd.Manager{}) {
		g.printf("%s", byHand)
		return nil
	}
	err := j.service.Start(ctx, unit)
	if errors.Is(err, systemd.ErrNoSystemd) {
		g.printf("systemd is not running: no service was started. %s", byHand)
		return nil
	}
	if err != nil {
		return err
	}
	g.printf(
		"The agent runs, now and at every start of this host: the hub's page shows its cameras. Its log: journalctl -u %s",
		unit)
	return nil
}

func (g joinRun) printf(format string, args ...any) {
	_, _ = fmt.Fprintf(g.out, format+"\n", args...) // a courtesy
}

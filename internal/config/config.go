// Package config reads a program's settings into one struct: flags, then BRAMBLE_* environment variables, then a YAML
// file, then defaults. It also changes such a file, and reads it again at SIGHUP.
//
// What the settings mean does not belong here.
package config

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"

	"github.com/bramble-cam/bramble/internal/setting"
)

// ExitConfig is the exit code for a wrong configuration (sysexits EX_CONFIG): a supervisor need not try again.
const ExitConfig = 78

// EnvPrefix begins every environment variable: --http-addr is BRAMBLE_HTTP_ADDR.
const EnvPrefix = "BRAMBLE"

// Logging are the log settings that agent and hub share. Embed it in the struct of flags.
type Logging struct {
	LogLevel  string `help:"Lowest level to log: debug, info, warn or error." enum:"debug,info,warn,error" default:"info"`
	LogFormat string `help:"Form of log lines: text or json." enum:"text,json" default:"text"`
}

// Level is the least severe level to log.
func (l Logging) Level() (level slog.Level) {
	if err := level.UnmarshalText([]byte(l.LogLevel)); err != nil { // kong has checked the word
		level = slog.LevelInfo
	}
	return level
}

// Logger returns a logger to w with these settings. It logs from level on, which starts at Level and may change.
func (l Logging) Logger(w io.Writer, level *slog.LevelVar) *slog.Logger {
	level.Set(l.Level())
	opts := &slog.HandlerOptions{Level: level, ReplaceAttr: settingsAsFlags}
	if l.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}

// settingsAsFlags shows the settings in an error as flags.
func settingsAsFlags(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindAny {
		if err, ok := a.Value.Any().(error); ok && err != nil {
			a.Value = slog.StringValue(setting.Flags(err))
		}
	}
	return a
}

// Options are the kong options of every Bramble program.
func Options(name, description, version string) []kong.Option {
	return []kong.Option{
		kong.Name(name),
		kong.Description(description),
		kong.DefaultEnvars(EnvPrefix),
		kong.Configuration(File),
		kong.Vars{"version": name + " " + version},
		kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 110}),
	}
}

// Fail tells the user what is wrong with the command line, the environment or the file, and returns the exit code.
func Fail(w io.Writer, name string, err error) int {
	if listCommands(w, name, err) {
		return ExitUsage
	}
	_, _ = fmt.Fprintf(w, "%s: %s\n", name, setting.Flags(err)) // there is no other place to report it
	var parse *kong.ParseError
	if errors.As(err, &parse) {
		_, _ = fmt.Fprintf(w, "Try '%s --help'.\n", name)
	}
	return ExitConfig
}

// StopContext returns a context that ends with the first SIGINT or SIGTERM: a request for an orderly stop. A second one
// ends the process at once.
func StopContext(log *slog.Logger) (ctx context.Context, stop func()) {
	ctx, restore := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	forget := context.AfterFunc(ctx, func() {
		restore() // the next signal does what it does by default
		log.Info("stopping; a second signal stops at once")
	})
	return ctx, func() {
		forget()
		restore()
	}
}

// file is a YAML file with flags' names as keys.
type file struct{ values map[string]any }

// File reads a YAML file whose keys are the names of flags. A key that is no flag is an error.
func File(r io.Reader) (kong.Resolver, error) {
	f := file{}
	err := yaml.NewDecoder(r).Decode(&f.values)
	if err != nil && !errors.Is(err, io.EOF) { // an empty file says nothing, and that is allowed
		return nil, fmt.Errorf("configuration file: %w", err)
	}
	return f, nil
}

// Validate implements kong.Resolver.
func (f file) Validate(app *kong.Application) error {
	var known []string
	for _, group := range app.AllFlags(false) {
		for _, flag := range group {
			if !isQuery(flag) {
				known = append(known, flag.Name)
			}
		}
	}
	for key := range f.values {
		if !slices.Contains(known, key) {
			slices.Sort(known)
			return fmt.Errorf("configuration file: unknown key %q: known are %s", key, strings.Join(known, ", "))
		}
	}
	return nil
}

// Resolve implements kong.Resolver. kong would let the file win over the environment: here it does not.
func (f file) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	value, ok := f.values[flag.Name]
	if !ok {
		return nil, nil
	}
	for _, env := range flag.Envs {
		if _, set := os.LookupEnv(env); set {
			return nil, nil
		}
	}
	switch value.(type) {
	case int, int64, uint64, float64:
		if flag.Target.Type() == reflect.TypeFor[time.Duration]() { // kong would take it for nanoseconds
			return nil, fmt.Errorf("configuration file: %s: %v: write the unit too, for example 10s", flag.Name, value)
		}
	}
	return value, nil
}

// LoadFile adds the settings of a configuration file to those of a command line. It is for a hook of a flag's type such
// as kong.ConfigFlag. A missing file is an error, unless optional is set: then the command will create it.
func LoadFile(k *kong.Kong, parsed *kong.Context, name string, optional bool) error {
	resolver, err := k.LoadConfig(name)
	if optional && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	parsed.AddResolver(resolver)
	return nil
}

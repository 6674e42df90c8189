package config

import (
	"log/slog"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/bramble-cam/bramble/internal/secret"
)

// ExposedSecrets returns the flags, as --name, and the arguments, as <name>, that hold a secret on a command line: a
// secret.Text, or a URL with a password. "-" means standard input and is no secret.
func ExposedSecrets(parsed *kong.Context) (names []string) {
	for _, p := range parsed.Path {
		value, name := (*kong.Value)(nil), ""
		switch {
		case p.Flag != nil && !p.Resolved:
			value, name = p.Flag.Value, "--"+p.Flag.Name
		case p.Positional != nil:
			value, name = p.Positional, "<"+p.Positional.Name+">"
		}
		if value != nil && holdsSecret(value.Target) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// WarnExposedSecrets warns of each secret on a command line. The keys of remedies are names as ExposedSecrets returns
// them.
func WarnExposedSecrets(log *slog.Logger, parsed *kong.Context, remedies map[string]string) {
	for _, name := range ExposedSecrets(parsed) {
		remedy, ok := remedies[name]
		if !ok {
			env := EnvPrefix + "_" + strings.ToUpper(strings.ReplaceAll(strings.Trim(name, "-<>"), "-", "_"))
			remedy = "write it into the configuration file, or set " + env
		}
		const what = "a secret is on the command line: " +
			"this host's list of processes, the shell's history and sudo's log show it"
		log.Warn(what, "where", name, "remedy", remedy)
	}
}

func holdsSecret(value reflect.Value) bool {
	switch v := value.Interface().(type) {
	case secret.Text:
		return v != "" && v != "-"
	case string:
		return password.MatchString(v)
	case []string:
		return slices.ContainsFunc(v, password.MatchString)
	}
	return false
}

// password finds a password in a URL, or a NATS token in place of the user's name.
var password = regexp.MustCompile(`://[^/\s@:]*:[^/\s@]+@|\b(nats|tls|wss?)://[^/\s@]+@`)

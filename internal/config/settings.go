package config

import (
	"fmt"
	"io"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/alecthomas/kong"

	"github.com/bramble-cam/bramble/internal/secret"
)

// Setting is one setting with the value that is in force.
type Setting struct {
	Name  string // of its flag, without --
	Value string // for display, without secrets
	From  string // flag, environment, file or default, with the name of the variable or of the file

	value any
}

// Settings returns all settings of a program whose command line was parsed, in the order of its help.
func Settings(parsed *kong.Context) []Setting {
	from := make(map[string]string)
	for _, p := range parsed.Path {
		switch {
		case p.Flag == nil:
		case p.Resolved:
			from[p.Flag.Name] = "file"
		default:
			from[p.Flag.Name] = "flag"
		}
	}
	file := ""
	var list []Setting
	for _, f := range parsed.Model.Flags {
		if f.Name == "config" {
			file = fmt.Sprint(f.Target.Interface())
		}
		if isQuery(f) {
			continue
		}
		value := f.Target.Interface()
		s := Setting{Name: f.Name, Value: displayValue(value), From: from[f.Name], value: value}
		if s.From == "" {
			s.From = "default"
		}
		if i := slices.IndexFunc(f.Envs, isSet); i >= 0 && s.From != "flag" {
			s.From = "environment " + f.Envs[i]
		}
		list = append(list, s)
	}
	for i := range list {
		if list[i].From == "file" {
			list[i].From = "file " + file
		}
	}
	return list
}

// FromFile returns the names of the settings that come from the configuration file.
func FromFile(parsed *kong.Context) (names []string) {
	for _, s := range Settings(parsed) {
		if strings.HasPrefix(s.From, "file ") {
			names = append(names, s.Name)
		}
	}
	return names
}

// isQuery reports whether a flag asks for something and sets nothing.
func isQuery(f *kong.Flag) bool {
	return slices.Contains([]string{"help", "version", "config"}, f.Name)
}

func isSet(env string) bool {
	_, set := os.LookupEnv(env)
	return set
}

// Diff returns the names of the settings whose values differ. a and b belong to the same program.
func Diff(a, b []Setting) (names []string) {
	for i := range a {
		if !reflect.DeepEqual(a[i].value, b[i].value) {
			names = append(names, a[i].Name)
		}
	}
	return names
}

// Print writes settings as a table.
func Print(w io.Writer, list []Setting) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "SETTING\tVALUE\tFROM") // Flush tells of errors
	for _, s := range list {
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\n", s.Name, s.Value, s.From)
	}
	return table.Flush()
}

// displayValue formats a value without the secrets in it.
func displayValue(value any) string {
	switch v := value.(type) {
	case secret.Text:
		if v == "" {
			return "-"
		}
	case []string:
		value = strings.Join(v, ", ")
	}
	text := userinfo.ReplaceAllString(fmt.Sprint(value), "://"+secret.Stars+"@")
	if text == "" {
		return "-"
	}
	return text
}

// userinfo is the name and the password in a URL, also in one within a command.
var userinfo = regexp.MustCompile(`://[^/\s@]+@`)

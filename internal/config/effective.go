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

// Effective is one setting as it is in force.
type Effective struct {
	Name  string // as its flag is called, without --
	Value string // as it may be shown: secrets are not
	From  string // flag, environment, file or default, with the name of the variable or of the file

	value any
}

// Settings returns all settings of a program whose command line was parsed, in the order of its help.
func Settings(parsed *kong.Context) []Effective {
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
	var list []Effective
	for _, f := range parsed.Model.Flags {
		if f.Name == "config" {
			file = fmt.Sprint(f.Target.Interface())
		}
		if isAsking(f) {
			continue
		}
		s := Effective{Name: f.Name, Value: show(f.Target.Interface()), From: from[f.Name], value: f.Target.Interface()}
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

// isAsking reports whether a flag asks for something and sets nothing.
func isAsking(f *kong.Flag) bool {
	return slices.Contains([]string{"help", "version", "config"}, f.Name)
}

func isSet(env string) bool {
	_, set := os.LookupEnv(env)
	return set
}

// Differ returns the names of the settings that have another value in b than in a, which are of the same program.
func Differ(a, b []Effective) (names []string) {
	for i := range a {
		if !reflect.DeepEqual(a[i].value, b[i].value) {
			names = append(names, a[i].Name)
		}
	}
	return names
}

// Print writes settings as a table.
func Print(w io.Writer, list []Effective) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "SETTING\tVALUE\tFROM") // Flush tells of errors
	for _, s := range list {
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\n", s.Name, s.Value, s.From)
	}
	return table.Flush()
}

// show writes a value without what is secret in it.
func show(value any) string {
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

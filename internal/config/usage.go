package config

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// ExitUsage is the exit code for a command that does not exist.
const ExitUsage = 2

// BriefHelp is a kong option: the help of a command shows its own flags, and of the settings only those that keep
// names. It returns false for a command whose help shows all settings. Examples are added by the path of a command.
func BriefHelp(keep func(command string) (settings []string, brief bool), examples map[string]string) kong.Option {
	return kong.Help(func(options kong.HelpOptions, ctx *kong.Context) error {
		if node := ctx.Selected(); node != nil {
			path, _, _ := strings.Cut(node.Path(), " <")
			if text, ok := examples[path]; ok {
				node.Detail = "Examples:\n\n" + text
			}
			if settings, brief := keep(path); brief {
				hideSettings(ctx.Model.Node, append(settings, "help", "config"))
			}
		}
		return kong.DefaultHelpPrinter(options, ctx)
	})
}

func hideSettings(app *kong.Node, keep []string) {
	for _, f := range app.Flags {
		f.Hidden = f.Hidden || !slices.Contains(keep, f.Name)
	}
}

// listCommands lists the commands that there are, if err says that one does not exist. It reports whether it does.
func listCommands(w io.Writer, name string, err error) bool {
	var parse *kong.ParseError
	if !errors.As(err, &parse) || parse.Context == nil {
		return false
	}
	text := err.Error()
	if !strings.HasPrefix(text, "unexpected argument") && !strings.HasPrefix(text, "expected one of") {
		return false
	}
	parent := parse.Context.Model.Node
	if n := parse.Context.Selected(); n != nil && slices.Contains(parse.Context.Args, n.Name) {
		parent = n
	}
	if len(parent.Children) == 0 {
		return false // an argument too many, of a command that exists
	}
	_, _ = fmt.Fprintf(w, "%s: %s\n\nCommands:\n", name, text) // there is no other place to report it
	for _, c := range parent.Children {
		_, _ = fmt.Fprintf(w, "  %-12s %s\n", c.Name, c.Help)
	}
	_, _ = fmt.Fprintf(w, "\nTry '%s --help'.\n", parent.FullPath())
	return true
}

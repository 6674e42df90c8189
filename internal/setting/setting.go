// Package setting lets errors name settings without knowing how a program reads them. A text has {max-fps} for the
// setting max-fps. A command shows it as the flag --max-fps, everything else as max-fps.
//
// Reading settings belongs to package config.
package setting

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Name is the name of a setting, as an argument of Errorf.
type Name string

// Error is an error about settings. Its text names them as the configuration file does.
type Error struct {
	format string // with settings as {name}
	args   []any
	err    error // of fmt.Errorf
}

// Errorf is fmt.Errorf with settings as {name} in the format or as arguments of type Name.
func Errorf(format string, args ...any) *Error {
	return &Error{format, args, fmt.Errorf(expand(format, key), args...)}
}

// Error implements error.
func (e *Error) Error() string { return e.err.Error() }

// Unwrap returns an error that wraps what %w wraps.
func (e *Error) Unwrap() error { return e.err }

// Settings returns the names of the settings: those of the format, then those of the arguments.
func (e *Error) Settings() (names []string) {
	for _, m := range placeholder.FindAllStringSubmatch(e.format, -1) {
		names = append(names, m[1])
	}
	for _, arg := range e.args {
		if name, ok := arg.(Name); ok {
			names = append(names, string(name))
		}
	}
	return names
}

// flags returns the text with settings as flags.
func (e *Error) flags() string {
	args := make([]any, len(e.args))
	for i, arg := range e.args {
		switch arg := arg.(type) {
		case Name:
			args[i] = flag(string(arg))
		case error:
			args[i] = errors.New(Flags(arg))
		default:
			args[i] = arg
		}
	}
	return fmt.Errorf(expand(e.format, flag), args...).Error()
}

// Flags returns the text of an error with settings as flags. The errors that it wraps are included.
func Flags(err error) string {
	if e, ok := err.(*Error); ok { //nolint:errorlint // the wrapped errors follow
		return e.flags()
	}
	var shown strings.Builder
	text := err.Error()
	for _, inner := range wrapped(err) {
		if before, after, found := strings.Cut(text, inner.Error()); found {
			shown.WriteString(before + Flags(inner))
			text = after
		}
	}
	return shown.String() + text
}

// FlagsIn returns a text that is no error with settings as flags.
func FlagsIn(text string) string { return expand(text, flag) }

func wrapped(err error) []error {
	switch e := err.(type) { //nolint:errorlint // of this error alone
	case interface{ Unwrap() error }:
		if inner := e.Unwrap(); inner != nil {
			return []error{inner}
		}
	case interface{ Unwrap() []error }:
		return e.Unwrap()
	}
	return nil
}

var placeholder = regexp.MustCompile(`\{([a-z][a-z0-9-]*)\}`)

func expand(text string, show func(name string) string) string {
	return placeholder.ReplaceAllStringFunc(text, func(match string) string { return show(match[1 : len(match)-1]) })
}

func key(name string) string  { return name }
func flag(name string) string { return "--" + name }

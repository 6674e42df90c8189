package output

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/problem"
)

// Params reads query parameters. It keeps the first error: call Err when all are read. Other parameters are ignored,
// because many clients add one to bypass caches.
type Params struct {
	Query url.Values
	err   error
}

// Err returns the error of the first parameter that cannot be used, a *problem.ParameterError, or nil.
func (p *Params) Err() error { return p.err }

// Duration reads a time such as 2s or 500ms, or a plain number of seconds.
func (p *Params) Duration(name string, fallback, low, high time.Duration) time.Duration {
	text := p.Query.Get(name)
	if text == "" {
		return fallback
	}
	d, err := time.ParseDuration(text)
	if seconds, numErr := strconv.ParseFloat(text, 64); numErr == nil {
		// What a Duration cannot hold, and what is not a number, is out of range here.
		if !(seconds >= 0 && seconds <= high.Seconds()) {
			seconds = -1
		}
		d, err = time.Duration(seconds*float64(time.Second)), nil
	}
	if err != nil || d < low || d > high {
		p.Fail(name, text, fmt.Sprintf("a time from %s to %s, for example 2s", short(low), short(high)))
		return fallback
	}
	return d
}

// Number reads a number.
func (p *Params) Number(name string, fallback, low, high float64) float64 {
	text := p.Query.Get(name)
	if text == "" {
		return fallback
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !(n >= low && n <= high) {
		p.Fail(name, text, fmt.Sprintf("a number from %s to %s", decimal(low), decimal(high)))
		return fallback
	}
	return n
}

// OneOf reads one of a few numbers, of which the first is the default.
func (p *Params) OneOf(name string, allowed ...int) int {
	text := p.Query.Get(name)
	if text == "" {
		return allowed[0]
	}
	n, err := strconv.Atoi(text)
	if err != nil || !slices.Contains(allowed, n) {
		p.Fail(name, text, fmt.Sprint("one of ", allowed))
		return allowed[0]
	}
	return n
}

// short formats a limit: 1h, not 1h0m0s.
func short(d time.Duration) string { return strings.Replace(d.String(), "h0m0s", "h", 1) }

// decimal formats a limit: 100000000, not 1e+08.
func decimal(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }

// Fail records that a parameter cannot be used, and what it must be.
func (p *Params) Fail(name, value, want string) {
	if p.err == nil {
		p.err = &problem.ParameterError{Name: name, Value: value, Want: want}
	}
}

package httpapi

import (
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/problem"
)

// parameters reads query parameters. It keeps the first error; check err when all are read. Parameters nobody asked for are ignored: many clients add
// one to get round caches.
type parameters struct {
	query url.Values
	err   error
}

// duration reads a time such as 2s or 500ms, or a plain number of seconds.
func (p *parameters) duration(name string, fallback, low, high time.Duration) time.Duration {
	text := p.query.Get(name)
	if text == "" {
		return fallback
	}
	d, err := time.ParseDuration(text)
	if seconds, numErr := strconv.ParseFloat(text, 64); numErr == nil {
		// Out of range of a Duration, or not a number, is out of range here.
		if !(seconds >= 0 && seconds <= high.Seconds()) {
			seconds = -1
		}
		d, err = time.Duration(seconds*float64(time.Second)), nil
	}
	if err != nil || d < low || d > high {
		p.fail(name, text, fmt.Sprintf("a time from %v to %v, for example 2s", low, high))
		return fallback
	}
	return d
}

// number reads a number.
func (p *parameters) number(name string, fallback, low, high float64) float64 {
	text := p.query.Get(name)
	if text == "" {
		return fallback
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !(n >= low && n <= high) {
		p.fail(name, text, fmt.Sprintf("a number from %g to %g", low, high))
		return fallback
	}
	return n
}

func (p *parameters) fail(name, value, want string) {
	if p.err == nil {
		p.err = &problem.ParameterError{Name: name, Value: value, Want: want}
	}
}

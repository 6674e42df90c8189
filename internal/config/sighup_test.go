package config

import (
	"context"
	"os"
	"syscall"
	"testing"

	"github.com/bramble-cam/bramble/internal/testutil"
)

// Each SIGHUP is a reload. When the terminal has gone it is the end.
func TestSIGHUP(t *testing.T) {
	for name, test := range map[string]struct{ before, after, ends bool }{
		"no terminal":               {false, false, false},
		"a terminal":                {true, true, false},
		"a terminal that is closed": {true, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			there := make(chan bool, 2)
			there <- test.before
			there <- test.after
			reloaded := make(chan struct{})
			h := sighup{func() bool { return <-there }}
			err := h.serve(t.Context(), func(ctx context.Context) error {
				if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
					return err
				}
				if test.ends {
					testutil.Receive(t, "the end", closing(ctx))
				} else {
					testutil.Receive(t, "the reload", reloaded)
				}
				return nil
			}, func(context.Context) { reloaded <- struct{}{} })
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// closing sends when ctx has ended.
func closing(ctx context.Context) <-chan struct{} {
	c := make(chan struct{}, 1)
	context.AfterFunc(ctx, func() { c <- struct{}{} })
	return c
}

package config

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"golang.org/x/term"
)

// Serve runs serve, and calls reload for each SIGHUP meanwhile, one at a time. It returns what serve returns, when no
// reload is running any more. If the terminal was closed, SIGHUP ends serve's context instead, as it ends other
// programs.
func Serve(ctx context.Context, serve func(context.Context) error, reload func(context.Context)) error {
	onTerminal := func() bool {
		return term.IsTerminal(int(os.Stdin.Fd()))
	}
	return sighup{onTerminal}.serve(ctx, serve, reload)
}

// sighup is Serve with what tests change.
type sighup struct {
	isTerminal func() bool // standard input is a terminal that is still open
}

func (h sighup) serve(ctx context.Context, serve func(context.Context) error, reload func(context.Context)) error {
	ctx, end := context.WithCancel(ctx)
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	var listening sync.WaitGroup
	defer listening.Wait()
	defer end()
	defer signal.Stop(hangups)
	interactive := h.isTerminal()
	listening.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-hangups:
			}
			if interactive && !h.isTerminal() {
				end()
				return
			}
			reload(ctx)
		}
	})
	return serve(ctx)
}

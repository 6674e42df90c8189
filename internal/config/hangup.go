package config

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"golang.org/x/term"
)

// Serve runs serve, and calls reload for each SIGHUP meanwhile, one after the other. It returns what serve returns, when no reload is under way any more.
// In a terminal SIGHUP also says that the terminal is gone: then it ends serve's context, as it would end any program.
func Serve(ctx context.Context, serve func(context.Context) error, reload func(context.Context)) error {
	return hangup{func() bool { return term.IsTerminal(int(os.Stdin.Fd())) }}.serve(ctx, serve, reload) //nolint:gosec // a file descriptor is a small number
}

// hangup is Serve with what tests change.
type hangup struct {
	terminal func() bool // standard input is a terminal, which is there
}

func (h hangup) serve(ctx context.Context, serve func(context.Context) error, reload func(context.Context)) error {
	ctx, end := context.WithCancel(ctx)
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	var listening sync.WaitGroup
	defer listening.Wait()
	defer end()
	defer signal.Stop(hangups)
	interactive := h.terminal()
	listening.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-hangups:
			}
			if interactive && !h.terminal() {
				end()
				return
			}
			reload(ctx)
		}
	})
	return serve(ctx)
}

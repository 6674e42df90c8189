//go:build linux

// Package netns lets a test work in the network namespace of another process.
package netns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// Do runs f in the network of a process. Sockets that f opens stay in that network.
func Do(pid int, f func() error) error {
	result := make(chan error)
	go func() {
		// Without an unlock the thread ends with the goroutine. No other goroutine runs in the wrong network.
		runtime.LockOSThread()
		err := enter(pid)
		if err == nil {
			err = f()
		}
		result <- err
	}()
	return <-result
}

// Dialer returns a dial function for http.Transport that connects in the network of a process.
func Dialer(pid int) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (conn net.Conn, err error) {
		err = Do(pid, func() (err error) {
			conn, err = (&net.Dialer{}).DialContext(ctx, network, address)
			return err
		})
		return conn, err
	}
}

func enter(pid int) error {
	f, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		return err
	}
	return errors.Join(unix.Setns(int(f.Fd()), unix.CLONE_NEWNET), f.Close())
}

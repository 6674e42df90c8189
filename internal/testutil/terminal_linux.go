package testutil

import (
	"bytes"
	"fmt"
	"os"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// Terminal is a pseudo-terminal. A program uses Program; the test types into it and reads the output.
type Terminal struct {
	Program *os.File

	tb     testing.TB
	person *os.File
	end    func() // closes both ends when all is read; may be called again

	mu    sync.Mutex
	shown bytes.Buffer // guarded by mu
}

// NewTerminal opens a pseudo-terminal. It ends with the test.
func NewTerminal(tb testing.TB) *Terminal {
	tb.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		tb.Fatal(err)
	}
	fd := int(person.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		tb.Fatal(err)
	}
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		tb.Fatal(err)
	}
	program, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		tb.Fatal(err)
	}
	t := &Terminal{Program: program, tb: tb, person: person}
	read := make(chan struct{})
	go func() {
		defer close(read)
		for part := make([]byte, 4096); ; {
			n, err := person.Read(part)
			t.mu.Lock()
			t.shown.Write(part[:n])
			t.mu.Unlock()
			if err != nil { // the program's end is closed
				return
			}
		}
	}()
	t.end = func() {
		_ = program.Close() // everything is written
		<-read
		_ = person.Close() // everything is read
	}
	tb.Cleanup(t.end)
	return t
}

// End closes the terminal and returns everything that it has shown.
func (t *Terminal) End() string {
	t.end()
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.shown.String()
}

// Answer waits until a text was shown n times and echo is off, and types a line.
func (t *Terminal) Answer(text string, n int, line string) {
	t.tb.Helper()
	Eventually(t.tb, fmt.Sprintf("the prompt %q, and no echo", text), func() bool {
		t.mu.Lock()
		asked := bytes.Count(t.shown.Bytes(), []byte(text)) == n
		t.mu.Unlock()
		fd := int(t.Program.Fd())
		state, err := unix.IoctlGetTermios(fd, unix.TCGETS)
		return asked && err == nil && state.Lflag&unix.ECHO == 0
	})
	if _, err := t.person.WriteString(line + "\n"); err != nil {
		t.tb.Fatal(err)
	}
}

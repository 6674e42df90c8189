package secret

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// maxLine bounds what ReadLine reads, in bytes.
const maxLine = 4096

// interrupted is the exit code of a program that Ctrl-C has ended.
const interrupted = 130

// Terminal returns the terminal behind r, and whether there is one.
func Terminal(r io.Reader) (tty *os.File, ok bool) {
	f, ok := r.(*os.File)
	if !ok || !term.IsTerminal(fd(f)) {
		return nil, false
	}
	return f, true
}

// Ask writes a prompt to w and reads a line from a terminal without echo. If ctx ends meanwhile, for example by Ctrl-C,
// it restores the echo and exits the program, because a read from a terminal cannot be interrupted.
func Ask(ctx context.Context, tty *os.File, w io.Writer, prompt string) (Text, error) {
	state, err := term.GetState(fd(tty))
	if err != nil {
		return "", fmt.Errorf("the terminal: %w", err)
	}
	defer context.AfterFunc(ctx, func() {
		_ = term.Restore(fd(tty), state) // the program ends here
		_, _ = fmt.Fprintln(w)
		os.Exit(interrupted)
	})()
	_, _ = fmt.Fprint(w, prompt)
	text, err := term.ReadPassword(fd(tty))
	_, _ = fmt.Fprintln(w)
	if err != nil {
		return "", fmt.Errorf("the terminal: %w", err)
	}
	return Text(text), nil
}

// ReadLine returns the first line of r, without its end.
func ReadLine(r io.Reader) (Text, error) {
	line, err := bufio.NewReader(io.LimitReader(r, maxLine)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	return Text(strings.TrimRight(line, "\r\n")), nil
}

func fd(f *os.File) int { return int(f.Fd()) }

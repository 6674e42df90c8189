package printable

import (
	"io"
	"os"
	"sync"
	"unicode"
	"unicode/utf8"
)

// Writer writes text that may be shown on a terminal. Of the unprintable characters only newlines pass: tabs become
// spaces, and the others U+FFFD. JSON stays JSON. Its methods may be called from several goroutines.
type Writer struct {
	to io.Writer

	mu   sync.Mutex
	part []byte // the beginning of a character whose rest is to come; guarded by mu
}

// NewWriter returns a Writer to w.
func NewWriter(w io.Writer) *Writer { return &Writer{to: w} }

// Write writes b, with unprintable characters replaced.
func (w *Writer) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	text := b
	if len(w.part) > 0 {
		text = append(w.part, b...)
		w.part = nil
	}
	out := make([]byte, 0, len(text))
	for len(text) > 0 {
		if !utf8.FullRune(text) {
			w.part = append(w.part, text...)
			break
		}
		r, n := utf8.DecodeRune(text)
		switch {
		case r == '\t':
			out = append(out, ' ')
		case r == '\n' || unicode.IsPrint(r):
			out = utf8.AppendRune(out, r)
		default:
			out = utf8.AppendRune(out, utf8.RuneError)
		}
		text = text[n:]
	}
	if _, err := w.to.Write(out); err != nil {
		return 0, err
	}
	return len(b), nil
}

// Stat returns the information of the file that is written to, if it is one.
func (w *Writer) Stat() (os.FileInfo, error) {
	if f, ok := w.to.(interface{ Stat() (os.FileInfo, error) }); ok {
		return f.Stat()
	}
	return nil, os.ErrInvalid
}

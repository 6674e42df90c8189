// Package printable makes untrusted text safe for terminals, logs and pages: without control characters, which a
// terminal obeys, without characters that change the direction of writing, and of a bounded length.
package printable

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// ellipsis is the end of a text that was cut.
const ellipsis = "…"

// Is reports whether text is one line of printable characters.
func Is(text string) bool {
	for i, r := range text {
		if !unicode.IsPrint(r) || r == utf8.RuneError && !isError(text[i:]) {
			return false
		}
	}
	return true
}

// isError reports whether text begins with U+FFFD itself, and not with bytes that are no UTF-8.
func isError(text string) bool {
	_, n := utf8.DecodeRuneInString(text)
	return n > 1
}

// Line returns text as one line of at most limit bytes. White space becomes spaces, and other unprintable characters
// U+FFFD. A longer text is cut and ends in "…".
func Line(text string, limit int) string {
	if len(text) <= limit && Is(text) {
		return text
	}
	out := make([]byte, 0, min(len(text), limit)+len(ellipsis))
	for _, r := range text {
		switch {
		case unicode.IsSpace(r):
			r = ' '
		case !unicode.IsPrint(r):
			r = utf8.RuneError
		}
		out = utf8.AppendRune(out, r)
		if len(out) > limit {
			return string(cut(out, limit-len(ellipsis))) + ellipsis
		}
	}
	return string(out)
}

// Truncate returns at most limit bytes of text, followed by "..." if there were more. It keeps unprintable characters:
// use it where they are escaped, as by %q and by the logger.
func Truncate(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit], "") + "..."
}

// shortLimit is the limit of Short, in bytes.
const shortLimit = 64

// Short truncates a text that a client chose, for an error or a log line.
func Short(text string) string { return Truncate(text, shortLimit) }

// cut returns at most n bytes of text, which is UTF-8, and no part of a character.
func cut(text []byte, n int) []byte {
	n = max(n, 0)
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}

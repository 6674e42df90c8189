package printable

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// evil is what an agent may call itself: it clears the screen, sets the clipboard, rings, turns the writing and
// invents a line.
const evil = "pi\x1b[2J\x1b]52;c;ZXZpbA==\x07\u202egnp\u2066\r\nOK    agents\tall well\x00\x7f\u009b31m\u2028\xff"

func TestLine(t *testing.T) {
	for _, c := range []struct {
		name, text string
		limit      int
		want       string
	}{
		{"plain", "pi1: 48 °C", 64, "pi1: 48 °C"},
		{"nothing", "", 64, ""},
		{"white space", "a\tb\r\nc\u00a0d\u2028e", 64, "a b  c d e"},
		{"terminal", "\x1b[2J\a", 64, "\ufffd[2J\ufffd"},
		{"direction", "a\u202eb", 64, "a\ufffdb"},
		{"no UTF-8", "a\xffb", 64, "a\ufffdb"},
		{"U+FFFD itself", "a\ufffdb", 64, "a\ufffdb"},
		{"as long as allowed", "abcdef", 6, "abcdef"},
		{"too long", "abcdefg", 6, "abc…"},
		{"too long, in a character", "abßßß", 7, "abß…"},
		{"no room", "abc", 1, "…"},
	} {
		if got := Line(c.text, c.limit); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	if text := "plain"; testing.AllocsPerRun(10, func() { _ = Line(text, 64) }) > 0 {
		t.Error("what is right is copied")
	}
}

func TestTruncate(t *testing.T) {
	for _, c := range []struct {
		text  string
		limit int
		want  string
	}{
		{"porch", 5, "porch"}, {"porch", 3, "por..."}, {"ab\u00df", 3, "ab..."}, {"a\nb", 9, "a\nb"}, {"", 0, ""},
	} {
		if got := Truncate(c.text, c.limit); got != c.want {
			t.Errorf("%q, %d: %q, want %q", c.text, c.limit, got, c.want)
		}
	}
	if long := strings.Repeat("a", shortLimit); Short(long) != long || Short(long+"b") != long+"..." {
		t.Error("the limit of Short")
	}
}

func FuzzLine(f *testing.F) {
	f.Add(evil, uint8(20))
	f.Fuzz(func(t *testing.T, text string, limit uint8) {
		got := Line(text, int(limit))
		if len(got) > max(int(limit), len(ellipsis)) || !Is(got) || !utf8.ValidString(got) {
			t.Fatalf("%q, %d: %q", text, limit, got)
		}
		if again := Line(got, max(int(limit), len(ellipsis))); again != got {
			t.Fatalf("%q became %q", got, again)
		}
	})
}

// TestWriter: whatever is written, and in whatever parts, no control character but newline comes out, and JSON stays
// JSON.
func TestWriter(t *testing.T) {
	doc, err := json.Marshal(map[string]string{"host": evil})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{evil, string(doc), "°C\n"} {
		for size := 1; size <= len(text); size++ {
			var out bytes.Buffer
			w := NewWriter(&out)
			for rest := []byte(text); len(rest) > 0; {
				n, err := w.Write(rest[:min(size, len(rest))])
				if err != nil || n != min(size, len(rest)) {
					t.Fatal(n, err)
				}
				rest = rest[n:]
			}
			for line := range strings.SplitSeq(out.String(), "\n") {
				if !Is(line) {
					t.Fatalf("%d bytes at once: %q", size, line)
				}
			}
			if text == string(doc) && !json.Valid(out.Bytes()) {
				t.Fatalf("no JSON: %s", out.Bytes())
			}
			if text == "°C\n" && out.String() != text {
				t.Fatalf("%q", out.String())
			}
		}
	}
}

type broken struct{}

var errBroken = errors.New("broken")

func (broken) Write([]byte) (int, error) { return 0, errBroken }

// TestWriterTells what is written to, and what goes wrong there.
func TestWriterTells(t *testing.T) {
	if _, err := NewWriter(broken{}).Write([]byte("x")); !errors.Is(err, errBroken) {
		t.Error(err)
	}
	if _, err := NewWriter(broken{}).Stat(); !errors.Is(err, os.ErrInvalid) {
		t.Error(err)
	}
	f, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if info, err := NewWriter(f).Stat(); err != nil || info.Name() != "out" {
		t.Errorf("%v, %v", info, err)
	}
}

package subprocess

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// testLineLog returns a lineLog and what it has logged, one message a line.
func testLineLog() (*lineLog, *bytes.Buffer) {
	var out bytes.Buffer
	only := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.MessageKey || a.Key == "left_out" {
			return a
		}
		return slog.Attr{}
	}
	return newLineLog(Config{Log: slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: only}))}), &out
}

func TestLineLog(t *testing.T) {
	long := strings.Repeat("x", maxLogLine)
	for _, c := range []struct {
		name   string
		writes []string
		want   string // logged, joined by '|'
		last   string
	}{
		{"nothing", nil, "", ""},
		{"lines", []string{"one\ntwo\n"}, "one|two", "two"},
		{"a line in pieces", []string{"o", "n", "e\nt", "wo\n"}, "one|two", "two"},
		{"not ended", []string{"one\ntwo"}, "one|two", "two"},
		{"empty lines", []string{"\n\none\n\n  \n\t\n"}, "one", "one"},
		{"Windows", []string{"one\r\ntwo\r\n"}, "one|two", "two"},
		{"Windows in pieces", []string{"one\r", "\ntwo", "\r", "\n"}, "one|two", "two"},
		{"progress", []string{"frame=1\rframe=2\rframe=3\n"}, "frame=3", "frame=3"},
		{"progress, then an error", []string{"frame=1\rframe=2\r", "no space left\n"}, "no space left", "no space left"},
		{"progress, not ended", []string{"frame=1\rframe=2\r"}, "frame=2", "frame=2"},
		{"much progress, then an error", []string{strings.Repeat("frame=1\r", 1000), "no space left\n"}, "no space left",
			"no space left"},
		{"wiped out", []string{"frame=1\r       \rdone\n"}, "done", "done"},
		{"long", []string{long + "yz\nnext\n"}, long + "|next", "next"},
		{"long in pieces", []string{long[:1000], long[:1000], "\nnext\n"}, long + "|next", "next"},
		{"not UTF-8", []string{"caf\xe9\n"}, "caf?", "caf?"},
		{"credentials", []string{"rtsp://joe:s3cr@t@cam/1: refused\n"}, "rtsp://xxxxx@cam/1: refused",
			"rtsp://xxxxx@cam/1: refused"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, out := testLineLog()
			for _, w := range c.writes {
				l.add([]byte(w))
			}
			if got := l.last(); got != c.last {
				t.Errorf("last %q, want %q", got, c.last)
			}
			var logged []string
			for line := range strings.Lines(out.String()) {
				logged = append(logged, strings.Trim(strings.TrimPrefix(strings.TrimSpace(line), "msg="), `"`))
			}
			if got := strings.Join(logged, "|"); got != c.want {
				t.Errorf("logged %q, want %q", got, c.want)
			}
			if cap(l.part) > 2*maxLogLine {
				t.Errorf("keeps %d bytes", cap(l.part))
			}
		})
	}
}

// TestLineLogRate: a flood is cut to a few lines a second and the rest counted, but its last line is remembered.
func TestLineLogRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, out := testLineLog()
		write := func(lines int) {
			for n := range lines {
				l.add(fmt.Appendf(nil, "line %d\n", n))
			}
		}
		write(10_000)
		if n := strings.Count(out.String(), "\n"); n != maxLogRate {
			t.Errorf("%d lines logged in one second, want %d", n, maxLogRate)
		}
		<-time.After(time.Second)
		out.Reset()
		write(3)
		if got := out.String(); !strings.Contains(got, fmt.Sprintf("left_out=%d", 10_000-maxLogRate)) ||
			strings.Count(got, "\n") != 4 {
			t.Errorf("logged %q", got)
		}
		write(1000)
		out.Reset()
		if got := l.last(); got != "line 999" {
			t.Errorf("last %q", got)
		}
		if !strings.Contains(out.String(), fmt.Sprintf("left_out=%d", 1003-maxLogRate)) {
			t.Errorf("at the end: logged %q", out)
		}
	})
}

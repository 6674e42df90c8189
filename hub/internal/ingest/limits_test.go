package ingest

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestDropLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &logCounter{}
		l := newDropLog(slog.New(log))
		broken := errors.New("broken")
		for range 1000 { // 100 s
			l.report("cam.porch.jpeg", broken)
			<-time.After(100 * time.Millisecond)
		}
		lines := log.about("cam.porch.jpeg")
		if len(lines) != 10 {
			t.Errorf("%d lines in 100 s: want 10", len(lines))
		}
		if !strings.Contains(lines[0], "since_last=1") || !strings.Contains(lines[1], "since_last=100") ||
			!strings.Contains(lines[1], "broken") {
			t.Errorf("lines %q: want the number of messages since the last line, and the error", lines[:2])
		}
		l.report("cam.yard.jpeg", broken)
		if len(log.about("cam.yard.jpeg")) != 1 {
			t.Error("one subject's messages hide another's")
		}
	})
}

func TestDropLogOfMadeUpSubjects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &logCounter{}
		l := newDropLog(slog.New(log))
		for i := range 50_000 { // 50 s
			l.report(fmt.Sprintf("cam.c%d.status", i), errors.New("broken"))
			<-time.After(time.Millisecond)
		}
		if n := len(log.about("")); n > 600 {
			t.Errorf("%d lines in 50 s", n)
		}
	})
}

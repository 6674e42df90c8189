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

func TestFaultLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &logCounter{}
		l := newFaultLog(slog.New(log))
		broken := errors.New("broken")
		for range 1000 { // 100 s
			l.report("cam.porch.jpeg", broken)
			<-time.After(100 * time.Millisecond)
		}
		lines := log.about("cam.porch.jpeg")
		if len(lines) != 10 {
			t.Errorf("%d lines in 100 s: want 10", len(lines))
		}
		if !strings.Contains(lines[0], "since_last=1") || !strings.Contains(lines[1], "since_last=100") || !strings.Contains(lines[1], "broken") {
			t.Errorf("lines %q: want the number of faults since the last line, and the error", lines[:2])
		}
		l.report("cam.yard.jpeg", broken)
		if len(log.about("cam.yard.jpeg")) != 1 {
			t.Error("one subject's faults hide another's")
		}
	})
}

func TestFaultLogOfMadeUpSubjects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &logCounter{}
		l := newFaultLog(slog.New(log))
		for i := range 50_000 { // 50 s
			l.report(fmt.Sprintf("cam.c%d.status", i), errors.New("broken"))
			<-time.After(time.Millisecond)
		}
		if n := len(log.about("")); n > 6*(maxFaults+1) || len(l.subjects) > maxFaults+1 {
			t.Errorf("%d lines in 50 s, %d subjects remembered", n, len(l.subjects))
		}
	})
}

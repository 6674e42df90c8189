package viewers_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bramble-cam/bramble/hub/internal/auth"
	"github.com/bramble-cam/bramble/hub/internal/problem"
	"github.com/bramble-cam/bramble/hub/internal/viewers"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// add admits a viewer, or fails.
func add(t *testing.T, tr *viewers.Tracker, p auth.Principal, address, camera string) *viewers.Viewer {
	t.Helper()
	v, err := tr.Add(t.Context(), viewers.Client{Principal: p, Address: address}, camera, "mjpeg")
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// scrape returns the Tracker's metrics: name and label values, joined by spaces, to value.
func scrape(t *testing.T, tr *viewers.Tracker) map[string]float64 {
	t.Helper()
	reg := prometheus.NewPedanticRegistry()
	if err := reg.Register(tr); err != nil {
		t.Fatal(err)
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := make(map[string]float64)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			key := strings.TrimPrefix(f.GetName(), "bramble_hub_")
			for _, l := range m.GetLabel() {
				key += " " + l.GetValue()
			}
			values[key] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return values
}

// Each limit rejects one viewer too many, with an answer of its own, and has room again when one has left.
func TestLimits(t *testing.T) {
	for limit, test := range map[string]struct {
		limits          viewers.Limits
		status          int
		address, camera string // of the one that is rejected
		other           string // address of one that is not
	}{
		viewers.LimitAll:     {viewers.Limits{Viewers: 2}, 503, "192.0.2.9", "porch", ""},
		viewers.LimitAddress: {viewers.Limits{PerAddress: 2}, 429, "2001:db8::9", "porch", "127.0.0.1"},
		viewers.LimitCamera:  {viewers.Limits{PerCamera: 2}, 503, "192.0.2.9", "desk", ""},
	} {
		tr := viewers.New(viewers.Config{Limits: test.limits, Log: testutil.Log(t)})
		first := add(t, tr, auth.Principal{}, "2001:db8::1", "desk")
		add(t, tr, auth.Principal{}, "2001:db8::2", "desk")
		reject := func() error {
			v, err := tr.Add(t.Context(), viewers.Client{Address: test.address}, test.camera, "mjpeg")
			if err == nil {
				tr.Remove(v)
			}
			return err
		}
		err := reject()
		var e *viewers.LimitError
		if !errors.As(err, &e) || e.Limit != limit || problem.Of(err).Status != test.status {
			t.Errorf("%s: %v", limit, err)
		}
		if test.other != "" {
			add(t, tr, auth.Principal{}, test.other, test.camera)
		}
		tr.Remove(first)
		tr.Remove(first)
		if err := reject(); err != nil {
			t.Errorf("%s: %v after one has left", limit, err)
		}
		if got := scrape(t, tr)["viewers_refused_total "+limit]; got != 1 {
			t.Errorf("%s: %v are counted", limit, got)
		}
	}
}

// A viewer whose access ends is disconnected, for that reason.
func TestRevalidate(t *testing.T) {
	tr := viewers.New(viewers.Config{
		Revalidate: func(p auth.Principal, _ time.Time) (auth.Principal, bool) { return p, p.Name != "goes" },
		Log:        testutil.Log(t),
	})
	stays := add(t, tr, auth.Anonymous(), "192.0.2.1", "desk")
	goes := add(t, tr, auth.Principal{Name: "goes"}, "192.0.2.1", "desk")
	tr.Revalidate()
	if stays.Context().Err() != nil || !errors.Is(context.Cause(goes.Context()), viewers.ErrRevoked) {
		t.Errorf("%v, %v", stays.Context().Err(), context.Cause(goes.Context()))
	}
	if tr.Len() != 2 {
		t.Errorf("%d viewers are counted before any has left", tr.Len())
	}
	tr.Remove(goes)
	tr.Remove(stays)
	values := scrape(t, tr)
	for reason, want := range map[string]float64{"revoked": 1, "fault": 0, "share": 0} {
		if got := values["viewers_evicted_total "+reason]; got != want {
			t.Errorf("%v are counted as %s", got, reason)
		}
	}
}

// The viewers of each camera are counted by output. Cameras without viewers are listed, too.
func TestMetrics(t *testing.T) {
	tr := viewers.New(viewers.Config{
		Cameras: func() []string { return []string{"desk", "porch"} }, Outputs: []string{"jpeg", "mjpeg"},
		Preempted: func() uint64 { return 7 }, Log: testutil.Log(t),
	})
	add(t, tr, auth.Principal{}, "192.0.2.1", "desk")
	add(t, tr, auth.Principal{}, "192.0.2.1", "desk")
	add(t, tr, auth.Principal{}, "192.0.2.1", "") // a WebSocket
	tr.RecordTimeout(fmt.Errorf("write: %w", os.ErrDeadlineExceeded))
	tr.RecordTimeout(errors.New("reset"))
	tr.RecordFault()
	tr.Reject(viewers.LimitIdle, "192.0.2.1")
	want := map[string]float64{
		"viewers desk jpeg": 0, "viewers desk mjpeg": 2, "viewers porch jpeg": 0, "viewers porch mjpeg": 0,
		"viewers_stalled_total": 1, "viewers_evicted_total fault": 1, "viewers_evicted_total revoked": 0,
		"viewers_evicted_total share": 7, "viewers_refused_total all": 0, "viewers_refused_total address": 0,
		"viewers_refused_total camera": 0, "viewers_refused_total waiting": 0, "viewers_refused_total idle": 1,
	}
	if got := scrape(t, tr); !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// WithParent tells the slots of a WebSocket from viewers of their own.
func TestWithParent(t *testing.T) {
	tr := viewers.New(viewers.Config{Log: testutil.Log(t)})
	socket := add(t, tr, auth.Principal{}, "192.0.2.1", "")
	if _, err := tr.Add(socket.Context(), viewers.Client{}, "desk", "mjpeg"); err != nil {
		t.Fatal(err)
	}
	if list := tr.WithParent(t.Context()); len(list) != 1 || list[0] != socket {
		t.Errorf("%v", list)
	}
}

// auditLines parses the audit lines in a log.
func auditLines(t *testing.T, log *bytes.Buffer) (lines []map[string]any) {
	t.Helper()
	for d := json.NewDecoder(log); d.More(); {
		var line map[string]any
		if err := d.Decode(&line); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
	return lines
}

// Pictures requested one by one are one viewing, for an hour at most. A pause ends it. Memory is bounded, and so are
// the lines that a viewer can cause.
func TestAuditOfStills(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		tr := viewers.New(viewers.Config{Log: slog.New(slog.NewJSONHandler(&log, nil))})
		view := func(user string) {
			v := add(t, tr, auth.Principal{Name: user, Method: auth.MethodToken}, "192.0.2.1", "porch")
			v.Sent().Add(1000)
			tr.Remove(v)
		}
		for range 2 * 3600 {
			view("anna")
			tr.Revalidate()
			<-time.After(time.Second)
		}
		<-time.After(viewers.ViewingGap)
		tr.Revalidate()
		lines, pieces := auditLines(t, &log), 0.0
		for _, line := range lines {
			if line["audit"] == "view" {
				pieces += line["pieces"].(float64) //nolint:forcetypeassert // a number
			}
		}
		if len(lines) != 4 || pieces != 7200 {
			t.Errorf("%d lines of %v pieces: %v", len(lines), pieces, lines)
		}
		for i := range viewers.MaxViewings + 10 {
			view(fmt.Sprint("user", i))
		}
		tr.EndAudit()
		lines = auditLines(t, &log)
		last := lines[len(lines)-1]
		if len(lines) != 2*viewers.MaxViewings+1 || last["audit"] != "lost" || last["lines"] != 10.0 {
			t.Errorf("%d lines, the last one is %v", len(lines), last)
		}
		tr.EndAudit()
		if rest := auditLines(t, &log); len(rest) > 0 {
			t.Errorf("%d viewings are kept", len(rest))
		}
	})
}

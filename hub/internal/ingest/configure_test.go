package ingest

import (
	"context"
	"errors"
	"testing"

	"github.com/nats-io/nats.go/micro"

	"github.com/bramble-cam/bramble/hub/internal/cameras"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// An agent that is sent settings answers with its status, or says why it does not do so.
func TestConfigure(t *testing.T) {
	url := testutil.StartNATS(t)
	in, agent := dial(t, url, testutil.Log(t)), testutil.Connect(t, url)
	svc, err := micro.AddService(agent, micro.Config{Name: "camera", Version: "1.0.0"})
	if err != nil {
		t.Fatal(err)
	}
	answers := map[string]micro.HandlerFunc{
		`{"fps":5}`:   func(r micro.Request) { _ = r.Respond(encode(t, word("porch"))) },
		`{"fps":500}`: func(r micro.Request) { _ = r.Error("400", "at most 30", nil) },
		`{"fps":0}`:   func(r micro.Request) { _ = r.Error("rubbish", "oh no", nil) },
	}
	handle := func(r micro.Request) { answers[string(r.Data())](r) } // errors of answers show at the other end
	if err := svc.AddEndpoint("configure", micro.HandlerFunc(handle),
		micro.WithEndpointSubject("cam.porch.do.configure")); err != nil {
		t.Fatal(err)
	}
	flush(t, agent)
	ctx, cancel := context.WithTimeout(t.Context(), testutil.Timeout)
	defer cancel()
	if s, err := in.Configure(ctx, "porch", []byte(`{"fps":5}`)); err != nil || s.Host != "pi1" {
		t.Errorf("%+v, %v", s, err)
	}
	for settings, want := range map[string]cameras.RefusedError{`{"fps":500}`: {Code: 400, Reason: "at most 30"},
		`{"fps":0}`: {Code: 500, Reason: "oh no"}} {
		_, err := in.Configure(ctx, "porch", []byte(settings))
		var got *cameras.RefusedError
		if !errors.As(err, &got) || *got != want {
			t.Errorf("%s: %v, want %+v", settings, err, want)
		}
	}
	if _, err := in.Configure(ctx, "absent", []byte(`{"fps":5}`)); !errors.Is(err, cameras.ErrNoAgent) {
		t.Errorf("got %v: want ErrNoAgent", err)
	}
}

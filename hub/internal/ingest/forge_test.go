package ingest

import (
	"context"
	"math/rand"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/internal/testutil"
)

// natsToken makes the last token of a reply subject like nats.go for its own requests.
func natsToken(r *rand.Rand) string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	token := make([]byte, 8)
	n := r.Int63()
	for i := range token {
		token[i] = digits[n%int64(len(digits))]
		n /= int64(len(digits))
	}
	return string(token)
}

// guesses returns the reply subjects that an attacker tries, in order. The attacker has seen some.
// The first of these was made after since and seen before until.
func guesses(seen []string, since, until time.Time) (list []string) {
	list = append(list, seen...)
	last := seen[len(seen)-1]
	prefix, token := last[:strings.LastIndexByte(last, '.')+1], last[strings.LastIndexByte(last, '.')+1:]
	if n, err := strconv.ParseUint(token, 36, 64); err == nil { // a counter
		list = append(list, prefix+strconv.FormatUint(n+1, 36), prefix+strconv.FormatUint(n+1, 10))
	}
	if len(token) != len(natsToken(rand.New(rand.NewSource(1)))) {
		return list
	}
	for seed := since.UnixNano(); seed <= until.UnixNano(); seed++ { // math/rand, seeded at the first question
		r := rand.New(rand.NewSource(seed))
		if !strings.HasSuffix(seen[0], natsToken(r)) {
			continue
		}
		for range len(seen) + 4 {
			list = append(list, prefix+natsToken(r))
		}
		break
	}
	return list
}

// TestForgedAnswer: an agent cannot answer a question to another agent.
// It was asked before and may publish to every inbox.
func TestForgedAnswer(t *testing.T) {
	url := testutil.StartNATS(t)
	in, evil, garden := dial(t, url, testutil.Log(t)), testutil.Connect(t, url), testutil.Connect(t, url)
	var seen []string // by the hub's questions, one at a time
	var until time.Time
	_, err := evil.Subscribe("cam.porch.do.>", func(m *nats.Msg) {
		if seen = append(seen, m.Reply); len(seen) == 1 {
			until = time.Now()
		}
		_ = m.Respond(encode(t, word("porch"))) // an error shows at the other end
	})
	if err != nil {
		t.Fatal(err)
	}
	flush(t, evil)
	ctx, cancel := context.WithTimeout(t.Context(), 2*testutil.Timeout)
	defer cancel()
	since := time.Now()
	for range 8 {
		if s, err := in.RequestStatus(ctx, "porch"); err != nil || s.Host != "pi1" {
			t.Fatalf("%+v, %v", s, err)
		}
	}
	forged := word("garden")
	forged.Host = "EVIL"
	_, err = garden.Subscribe("cam.garden.do.info", func(m *nats.Msg) {
		for _, subj := range guesses(seen, since, until) { // the forger is the faster one
			if err := evil.Publish(subj, encode(t, forged)); err != nil {
				t.Error(err)
			}
		}
		if err := evil.FlushTimeout(testutil.Timeout); err != nil {
			t.Error(err)
		}
		_ = m.Respond(encode(t, word("garden")))
	})
	if err != nil {
		t.Fatal(err)
	}
	flush(t, garden)
	if s, err := in.RequestStatus(ctx, "garden"); err != nil || s.Host != "pi1" {
		t.Errorf("garden is asked, and the answer is of host %q, %v", s.Host, err)
	}
	for i, a := range seen {
		for _, b := range seen[:i] {
			if a == b {
				t.Errorf("two questions have the reply subject %s", a)
			}
		}
	}
}

// TestEmptyAnswerHidesNoCamera: an agent forges a no-responders answer to the discovery question.
// The hub still finds the other agents.
func TestEmptyAnswerHidesNoCamera(t *testing.T) {
	url := testutil.StartNATS(t)
	evil, garden := testutil.Connect(t, url), testutil.Connect(t, url)
	silenced := make(chan struct{})
	_, err := evil.Subscribe("$SRV.INFO.camera", func(m *nats.Msg) {
		// An error shows at the other end.
		_ = evil.PublishMsg(&nats.Msg{Subject: m.Reply, Header: nats.Header{"Status": {"503"}}})
		if err := evil.FlushTimeout(testutil.Timeout); err != nil {
			t.Error(err)
		}
		close(silenced)
	})
	if err != nil {
		t.Fatal(err)
	}
	flush(t, evil)
	_, err = garden.Subscribe("$SRV.INFO.camera", func(m *nats.Msg) {
		<-silenced
		_ = m.Respond([]byte(`{"name":"camera","id":"x","version":"1.0.0","metadata":{"camera":"garden","root":"cam"}}`))
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = garden.Subscribe("cam.garden.do.info",
		func(m *nats.Msg) { _ = m.Respond(encode(t, word("garden"))) }); err != nil {
		t.Fatal(err)
	}
	flush(t, garden)
	l := listen(t, dial(t, url, testutil.Log(t)))
	if s := testutil.Receive(t, "the status of garden", l.words); s.Camera != "garden" {
		t.Errorf("found %s", s.Camera)
	}
}

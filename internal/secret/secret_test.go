package secret

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestNothingShowsIt(t *testing.T) {
	const hidden = "correct horse"
	s := Text(hidden)
	var said bytes.Buffer
	for _, log := range []*slog.Logger{slog.New(slog.NewTextHandler(&said, nil)),
		slog.New(slog.NewJSONHandler(&said, nil))} {
		log.Info("plain", "secret", s)
		log.Info("inside", "struct", struct{ S Text }{s}, "list", []Text{s}, "pointer", &s)
		log.With("secret", s).WithGroup("g").Info("grouped", slog.Any("secret", s))
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%10s", "%T"} {
		fmt.Fprintf(&said, verb+"\n", s)
		fmt.Fprintf(&said, verb+"\n", struct{ S Text }{s})
	}
	fmt.Fprintln(&said, s, errors.Join(fmt.Errorf("refused: %w", fmt.Errorf("%v", s))))
	data, err := json.Marshal(map[string]any{"secret": s, "list": []Text{s}})
	if err != nil {
		t.Fatal(err)
	}
	said.Write(data)
	for _, form := range []string{hidden, fmt.Sprintf("%x", hidden), fmt.Sprintf("%X", hidden)} {
		if strings.Contains(said.String(), form) {
			t.Errorf("the secret is shown:\n%s", said.String())
		}
	}
	if !strings.Contains(said.String(), Stars) {
		t.Error("nothing is said at all")
	}
	if s.Reveal() != hidden {
		t.Errorf("revealed %q", s.Reveal())
	}
}

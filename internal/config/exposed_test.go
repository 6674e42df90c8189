package config

import (
	"bytes"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/bramble-cam/bramble/internal/secret"
)

// TestExposed finds secrets on a command line, and nowhere else.
func TestExposed(t *testing.T) {
	t.Setenv("BRAMBLE_TOKEN", "hidden")
	for name, test := range map[string]struct {
		args []string
		want []string
	}{
		"in the environment": {nil, nil},
		"standard input":     {[]string{"--token=-"}, nil},
		"a token":            {[]string{"--token=hidden"}, []string{"--token"}},
		"a NATS password":    {[]string{"--hub", "nats://me:hidden@example.com:4222"}, []string{"--hub"}},
		"a NATS token":       {[]string{"--hub", "nats://a,tls://hidden@example.com:4222"}, []string{"--hub"}},
		"an argument":        {[]string{"nats://:hidden@hub"}, []string{"<url>"}},
		"a camera's password": {[]string{"--camera=a=pattern:", "--camera=b=exec:ffmpeg -i rtsp://me:hidden@cam"},
			[]string{"--camera"}}, "no password in a URL": {[]string{"--hub=nats://example.com:4222,tls://example.org",
			"--camera=a=exec:ssh://pi@host cat"}, nil},
		"a mail address behind": {[]string{"--camera=a=exec:curl http://host/x?to=me@example.org"}, nil},
	} {
		var s struct {
			Hub    string
			Token  secret.Text
			Camera []string `sep:"none"`
			URL    string   `arg:"" optional:"" name:"url"`
		}
		parser, err := kong.New(&s, Options("bramble-test", "A test.", "1.2.3")...)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := parser.Parse(test.args)
		if err != nil {
			t.Fatal(err)
		}
		if got := ExposedSecrets(parsed); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
		var said bytes.Buffer
		WarnExposedSecrets(slog.New(slog.NewTextHandler(&said, nil)), parsed, map[string]string{"--token": "ask"})
		if strings.Count(said.String(), "\n") != len(test.want) || strings.Contains(said.String(), "hidden") {
			t.Errorf("%s: said %s", name, said.String())
		}
		if slices.Contains(test.want, "--hub") && !strings.Contains(said.String(), "BRAMBLE_HUB") {
			t.Errorf("%s: said %s", name, said.String())
		}
	}
}

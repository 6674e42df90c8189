package transcode

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/internal/testutil"
)

func TestProbe(t *testing.T) {
	version, err := Probe(t.Context(), Config{FFmpeg: ffmpegPath(t), Log: testutil.Log(t)})
	if err != nil || version == "" {
		t.Errorf("version %q, %v", version, err)
	}
	if _, err := Probe(t.Context(), Config{FFmpeg: filepath.Join(t.TempDir(), "none"), Log: testutil.Log(t)}); !errors.Is(
		err, ErrNoFFmpeg) {
		t.Errorf("of none: %v", err)
	}
	encode := func(then string) string {
		return "case $1 in -version) echo ffmpeg version 9.9 x;; *) cat >/dev/null; " + then + ";; esac"
	}
	for name, test := range map[string]struct{ script, says string }{
		"no encoder": {
			encode("echo Unknown encoder libx264 >&2; exit 1"),
			"encode H.264: ffmpeg ended with exit status 1; it said: Unknown encoder libx264",
		},
		"makes nothing":   {encode("true"), "made nothing"},
		"makes rubbish":   {encode("echo rubbish"), "no key frame"},
		"another program": {"echo hello", "is no ffmpeg"},
		"does not start":  {"exit 127", "exit status 127"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "ffmpeg")
			if err := os.WriteFile(path, []byte("#!/bin/sh\n"+test.script+"\n"), 0o700); err != nil {
				t.Fatal(err)
			}
			if _, err := Probe(t.Context(), Config{FFmpeg: path, Log: testutil.Log(t)}); err == nil ||
				!strings.Contains(err.Error(), test.says) {
				t.Errorf("%v, want %q", err, test.says)
			}
		})
	}
}

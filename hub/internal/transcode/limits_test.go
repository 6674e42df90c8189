package transcode

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/media"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// TestTooLittleMemory: an ffmpeg that is stopped by its limit says so, with the remedy.
func TestTooLittleMemory(t *testing.T) {
	if !limited {
		t.Skip("only Linux limits processes")
	}
	r := newFixture(t, makeClips(t), Config{Memory: 48})
	cam := r.newCamera("porch", media.JPEG)
	cam.play(interval)
	v := cam.view(media.Want{Codec: media.H264})
	defer v.Close()
	testutil.Eventually(t, "it fails for lack of memory", func() bool { return strings.Contains(v.Reason(), "48 MiB") })
	if why := v.Reason(); !strings.Contains(why, "max-transcode-memory") ||
		!strings.Contains(why, "ffmpeg ended with exit status") {
		t.Errorf("%q does not say what to do", why)
	}
}

// TestFFmpegEnvironment: of this process's environment ffmpeg gets what it needs, and its limits are there when the
// first frame is.
func TestFFmpegEnvironment(t *testing.T) {
	if !limited {
		t.Skip("only Linux limits processes")
	}
	t.Setenv("FFREPORT", "file=/dev/null")
	t.Setenv("BRAMBLE_SECRET", "s3cret")
	script := filepath.Join(t.TempDir(), "ffmpeg")
	const say = "#!/bin/sh\nhead -c 1 >/dev/null\n" +
		"echo \"said=$FFREPORT$BRAMBLE_SECRET core=$(ulimit -c) files=$(ulimit -n) written=$(ulimit -f)\" \\\n" +
		"\"data=$(ulimit -d)\" >&2; exit 3\n"
	if err := os.WriteFile(script, []byte(say), 0o700); err != nil {
		t.Fatal(err)
	}
	r := newFixture(t, makeClips(t), Config{FFmpeg: script, Memory: 100})
	cam := r.newCamera("porch", media.JPEG)
	cam.play(interval)
	v := cam.view(media.Want{Codec: media.H264})
	defer v.Close()
	testutil.Eventually(t, "it has run", func() bool { return v.Reason() != "" })
	if got, want := v.Reason(), "it said: said= core=0 files=64 written=0 data=102400"; !strings.HasSuffix(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestHardwareIsNotStarved: drivers map more than they use, and write files.
func TestHardwareIsNotStarved(t *testing.T) {
	for hwaccel, free := range map[string]bool{"": false, "none": false, "vaapi": true, "nvenc": true, "v4l2m2m": true} {
		l := (&Config{HWAccel: hwaccel, Memory: 100}).limits()
		if (l.Memory == 0) != free || l.NoWrites == free || l.Files != maxFiles {
			t.Errorf("%q: %+v", hwaccel, *l)
		}
	}
}

// TestFalseSizeInProcess: a picture of a few bytes that says it is large is refused before it is decoded.
func TestFalseSizeInProcess(t *testing.T) {
	lie := []byte("\xff\xd8" + "\xff\xc0\x00\x0b\x08\x00\x20\x00\x30\x01\x01\x11\x00" +
		"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" + "\x00" + "\xff\xd9")
	const side = 6000
	binary.BigEndian.PutUint16(lie[7:], side)
	binary.BigEndian.PutUint16(lie[9:], side)
	f := media.Packet{Payload: lie, Width: side, Height: side}
	if _, err := reencodePacket(&stream.Packet{Packet: f},
		rendition{media.Want{Codec: media.JPEG, Width: 320}}); err == nil ||
		!strings.Contains(err.Error(), "cannot be a picture of 6000x6000") {
		t.Errorf("%v", err)
	}
}

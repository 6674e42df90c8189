package mpegts_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/output/mpegts"
	"github.com/bramble-cam/bramble/hub/internal/output/outputtest"
	"github.com/bramble-cam/bramble/internal/media"
)

// run runs a program to its end, and returns what it prints.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skip("ffmpeg is missing: apt-get install ffmpeg")
	}
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, errs.String())
	}
	for line := range strings.Lines(errs.String()) { // that the response ends without a length is no error here
		if !strings.Contains(line, "ends prematurely") && !strings.Contains(line, "Input/output error") &&
			!strings.Contains(line, "Last message repeated") {
			t.Errorf("%s says %s", name, line)
		}
	}
	return out.String()
}

// pictures decodes an input, and returns the checksum of each picture.
func pictures(t *testing.T, args ...string) (sums []string) {
	t.Helper()
	args = append([]string{"-hide_banner", "-v", "error"}, args...)
	args = append(args, "-f", "framemd5", "-fps_mode", "passthrough", "-")
	for line := range strings.Lines(run(t, "ffmpeg", args...)) {
		if !strings.HasPrefix(line, "#") {
			sums = append(sums, strings.TrimSpace(line[strings.LastIndex(line, ",")+1:]))
		}
	}
	return sums
}

// repeats is how often the fixture is shown: what ffmpeg drops at the start must be a small part.
const repeats = 8

// serve starts a camera whose stream ends after those of a fixture, and returns its URL and the frames in a file.
func serve(t *testing.T) (url, source string) {
	t.Helper()
	hub := outputtest.New(t)
	cam, list := hub.Camera("yard", media.H264), slices.Repeat(outputtest.Units(t, fixtures, "slices.h264"), repeats)
	end := outputtest.Units(t, fixtures, "change.h264")[0]
	var all []byte
	for _, u := range list {
		all = append(all, u.Data...)
	}
	source = filepath.Join(t.TempDir(), "source.h264")
	if err := os.WriteFile(source, all, 0o600); err != nil {
		t.Fatal(err)
	}
	cam.Access(list[0])
	feeder := make(chan struct{})
	go func() {
		defer close(feeder)
		for hub.Viewers.Len() == 0 && t.Context().Err() == nil {
			<-time.After(time.Millisecond)
		}
		for _, u := range append(list[1:], end) { // other parameter sets end the response
			<-time.After(2 * time.Millisecond)
			cam.Access(u)
		}
	}()
	t.Cleanup(func() { <-feeder })
	return hub.Server(mpegts.New(), cam).URL, source
}

// TestProbe has ffprobe describe the stream.
func TestProbe(t *testing.T) {
	url, _ := serve(t)
	const entries = "format=format_name:stream=codec_name,width,height,r_frame_rate,time_base,start_time,nb_read_packets"
	got := run(t, "ffprobe", "-v", "error", "-count_packets", "-show_entries", entries, "-of", "flat", url)
	for _, want := range []string{
		`format.format_name="mpegts"`, `codec_name="h264"`, `width=160`, `height=96`, `r_frame_rate="25/1"`,
		`time_base="1/90000"`, `start_time="0.140000"`, `nb_read_packets="192"`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("ffprobe does not say %s:\n%s", want, got)
		}
	}
}

// TestPictures compares the pictures of a decoded stream, and of copies in other containers, with the camera's. The
// options are those of programs that read cameras by ffmpeg.
func TestPictures(t *testing.T) {
	_, source := serve(t)
	want := pictures(t, "-f", "h264", "-i", source)
	if len(want) != 24*repeats {
		t.Fatalf("the camera has %d pictures", len(want))
	}
	for name, args := range map[string]struct{ input, output []string }{
		"MPEG-TS":  {nil, []string{"-f", "mpegts", "copy.ts"}},
		"MP4":      {nil, []string{"copy.mp4"}},
		"Matroska": {nil, []string{"copy.mkv"}},
		"low delay, as go2rtc": {
			[]string{"-fflags", "nobuffer", "-flags", "low_delay", "-timeout", "5000000"},
			[]string{"-an", "-f", "mpegts", "copy.ts"},
		},
		"segments, as Frigate": {
			[]string{
				"-avoid_negative_ts", "make_zero", "-fflags", "nobuffer", "-flags", "low_delay", "-strict", "experimental",
				"-fflags", "+genpts+discardcorrupt", "-rw_timeout", "5000000", "-use_wallclock_as_timestamps", "1",
			},
			[]string{
				"-f", "segment", "-segment_time", "10", "-segment_format", "mp4", "-reset_timestamps", "1", "-an", "copy%d.mp4",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, _ := serve(t)
			want := want
			dir := t.TempDir()
			output := slices.Clone(args.output)
			file := filepath.Join(dir, output[len(output)-1])
			output[len(output)-1] = file
			command := append([]string{"-hide_banner", "-v", "fatal"}, args.input...)
			command = append(append(command, "-i", url, "-c", "copy"), output...)
			run(t, "ffmpeg", command...)
			got := pictures(t, "-i", strings.Replace(file, "%d", "0", 1))
			if slices.Contains(args.input, "nobuffer") { // what ffmpeg reads to know the stream is lost
				if len(got) < 24 {
					t.Fatalf("%d pictures of %d", len(got), len(want))
				}
				want = want[len(want)-len(got):]
			}
			if !slices.Equal(got, want) {
				t.Errorf("%d pictures, want those of the camera, which are %d", len(got), len(want))
			}
		})
	}
	t.Run("decoded", func(t *testing.T) {
		t.Parallel()
		url, _ := serve(t)
		if got := pictures(t, "-i", url); !slices.Equal(got, want) {
			t.Errorf("%d pictures, want those of the camera, which are %d", len(got), len(want))
		}
	})
}

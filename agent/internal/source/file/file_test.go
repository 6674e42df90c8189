package file_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/bramble-cam/bramble/agent/internal/source"
	"github.com/bramble-cam/bramble/agent/internal/source/file"
	"github.com/bramble-cam/bramble/agent/internal/source/sourcetest"
	"github.com/bramble-cam/bramble/agent/internal/source/splitter"
	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/drop"
)

// open parses spec and finds its file in files.
func open(t *testing.T, spec string, files fstest.MapFS, drops *drop.Counters) source.Source {
	t.Helper()
	src, err := (source.Registry{"file": file.New}).
		Parse("porch", spec, source.Env{Files: files, Drops: drops, Log: testutil.Log(t)})
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func file1(name string, data []byte) fstest.MapFS { return fstest.MapFS{name: {Data: data}} }

func TestFileLoopsJPEG(t *testing.T) {
	a, b := sourcetest.JPEG(t, 64, 48), sourcetest.JPEG(t, 80, 48)
	for spec, clip := range map[string][]byte{"file:c.mjpeg#fps=10": append(bytes.Clone(a), b...), "file:c.jpeg#fps=10": a,
		"file:c.JPG#fps=10": b} {
		synctest.Test(t, func(t *testing.T) {
			name, _, _ := strings.Cut(strings.TrimPrefix(spec, "file:"), "#")
			drops := &drop.Counters{}
			start := time.Now()
			got, err := sourcetest.Collect(t, open(t, spec, file1(name, clip), drops), 7)
			if err != nil {
				t.Fatal(err)
			}
			var all []byte
			for n, f := range got {
				want := time.Duration(n) * 100 * time.Millisecond
				if f.PTS != want || f.Captured.Sub(start) != want || f.Key || f.Height != 48 {
					t.Errorf("%s: frame %d: %v %v %v %dx%d", spec, n, f.PTS, f.Captured.Sub(start), f.Key, f.Width, f.Height)
				}
				all = append(all, f.Data...)
			}
			if !bytes.HasPrefix(bytes.Repeat(clip, 7), all) {
				t.Errorf("%s: the pictures are not the clip's, over and over", spec)
			}
			if m := drops.Map(); len(m) > 0 {
				t.Errorf("%s: drops %v", spec, m)
			}
		})
	}
}

func TestFileLoopsH264(t *testing.T) {
	clip := sourcetest.ReadFile(t, sourcetest.H264Dir+"slices.h264")
	const pictures, keyFrames = 24, 3 // of slices.h264
	wire, _ := sourcetest.Normalize(t, clip)
	synctest.Test(t, func(t *testing.T) {
		got, err := sourcetest.Collect(t, open(t, "file:c.h264#fps=25", file1("c.h264", clip), &drop.Counters{}),
			2*pictures+1)
		if err != nil {
			t.Fatal(err)
		}
		var all []byte
		keys := 0
		for n, f := range got {
			if f.PTS != time.Duration(n)*40*time.Millisecond || f.Width == 0 || f.Height == 0 {
				t.Errorf("frame %d: %v, %dx%d", n, f.PTS, f.Width, f.Height)
			}
			if f.Key {
				keys++
			}
			all = append(all, f.Data...)
		}
		if !got[0].Key || !got[pictures].Key || keys != 2*keyFrames+1 {
			t.Errorf("%d key frames, want %d and one at the start of each round", keys, 2*keyFrames+1)
		}
		if !bytes.HasPrefix(bytes.Repeat(wire, 3), all) {
			t.Error("the access units are not the clip's in wire form, over and over")
		}
	})
}

// TestFileRunsAgain: each Run is an epoch of its own.
func TestFileRunsAgain(t *testing.T) {
	clip := sourcetest.ReadFile(t, sourcetest.H264Dir+"slices.h264")
	synctest.Test(t, func(t *testing.T) {
		src := open(t, "file:c.h264", file1("c.h264", clip), &drop.Counters{})
		for range 3 {
			got, err := sourcetest.Collect(t, src, 5)
			if err != nil || got[0].PTS != 0 || !got[0].Key {
				t.Fatalf("%+v, %v", got[0].PTS, err)
			}
		}
	})
}

func TestFileWithoutFrames(t *testing.T) {
	picture := sourcetest.JPEG(t, 64, 48)
	for name, c := range map[string]struct {
		file, data, want string
		drops            drop.Reason
		n                uint64
	}{
		"empty":            {"c.mjpeg", "", "no complete jpeg frame", 0, 0},
		"empty H.264":      {"c.h264", "", "no complete h264 frame", 0, 0},
		"garbage":          {"c.mjpeg", strings.Repeat("garbage", 10_000), "no complete jpeg frame", 0, 0},
		"garbage as H.264": {"c.h264", strings.Repeat("garbage", 10_000), "no complete h264 frame", 0, 0},
		"bad NALUs":        {"c.h264", strings.Repeat("\x00\x00\x01\xff\xff\xff", 50), "no complete h264 frame", 0, 0},
		"JPEG as H.264":    {"c.h264", string(picture), "no complete h264 frame", 0, 0},
		"a truncated JPEG": {"c.jpeg", string(picture[:len(picture)-20]), "no complete jpeg frame", drop.Decode, 1},
		"two truncated JPEGs": {"c.jpeg", strings.Repeat(string(picture[:300]), 2), "no complete jpeg frame", drop.Decode,
			2}, "no parameter sets": {"c.h264", "\x00\x00\x01\x65\x88\x84\x00\x10\xff\xfe", "no complete h264 frame",
			drop.NoKey, 1},
		"no key frame": {"c.h264", "\x00\x00\x01\x41\x9a\x00\x00\x01\x41\x9a", "no complete h264 frame",
			drop.NoKey, 2}, "parameter sets only": {"c.h264", "\x00\x00\x01\x67\x42\xc0\x1e", "no complete h264 frame",
			drop.Decode, 1},
		"a directory":            {"c.jpeg/d", "x", "read c.jpeg", 0, 0},
		"not readable to an end": {"broken.jpeg", "", "read broken.jpeg", 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			drops := &drop.Counters{}
			var files fs.FS = file1(c.file, []byte(c.data))
			spec, _, _ := strings.Cut(c.file, "/")
			if spec == "broken.jpeg" {
				files = brokenFS{}
			}
			src, err := (source.Registry{"file": file.New}).Parse("porch", "file:"+spec,
				source.Env{Files: files, Drops: drops, Log: testutil.Log(t)})
			if err != nil {
				t.Fatal(err)
			}
			err = src.Run(t.Context(), func(f source.Frame) { t.Errorf("frame of %d bytes", len(f.Data)) })
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), spec) {
				t.Errorf("error %v, want %q", err, c.want)
			}
			if n := drops.Get(c.drops); n != c.n {
				t.Errorf("drops %v, want %d", drops.Map(), c.n)
			}
		})
	}
}

// TestFilePassesOverBrokenFrames: what is broken is counted, and does not hide what is not.
func TestFilePassesOverBrokenFrames(t *testing.T) {
	a, b := sourcetest.JPEG(t, 64, 48), sourcetest.JPEG(t, 80, 48)
	clip := bytes.Join([][]byte{a, b[:len(b)-20], a, []byte("rubbish"), b, a[:40], b}, nil)
	synctest.Test(t, func(t *testing.T) {
		drops := &drop.Counters{}
		got, err := sourcetest.Collect(t, open(t, "file:c.mjpeg", file1("c.mjpeg", clip), drops), 4)
		if err != nil {
			t.Fatal(err)
		}
		for n, want := range [][]byte{a, a, b, b} {
			if !bytes.Equal(got[n].Data, want) {
				t.Errorf("frame %d is not what the clip has", n)
			}
		}
		if n := drops.Get(drop.Decode); n != 2 {
			t.Errorf("%d broken pictures counted, want 2", n)
		}
	})
}

// TestFileWaitsForAKeyFrameAfterALoss: the rest of a GOP that lost an access unit cannot be shown.
func TestFileWaitsForAKeyFrameAfterALoss(t *testing.T) {
	clip := string(sourcetest.ReadFile(t, sourcetest.H264Dir+"slices.h264"))
	s := splitter.NewAnnexB(strings.NewReader(clip))
	var units []string
	for {
		au, err := s.Next()
		if err != nil {
			break
		}
		units = append(units, string(au))
	}
	units[3] = "\x00\x00\x00\x01\x09\x10" + units[3] + "\x00\x00\x00\x01\xe1\xff" // forbidden_zero_bit
	synctest.Test(t, func(t *testing.T) {
		drops := &drop.Counters{}
		src := open(t, "file:c.h264", file1("c.h264", []byte(strings.Join(units, ""))), drops)
		got, err := sourcetest.Collect(t, src, 4)
		if err != nil {
			t.Fatal(err)
		}
		if !got[0].Key || got[1].Key || got[2].Key || !got[3].Key {
			t.Errorf("key frames: %v %v %v %v, want the first and the fourth", got[0].Key, got[1].Key, got[2].Key, got[3].Key)
		}
		if drops.Get(drop.Decode) != 1 || drops.Get(drop.NoKey) == 0 {
			t.Errorf("drops %v", drops.Map())
		}
	})
}

func TestFileThatGoesAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		files := file1("c.jpeg", sourcetest.JPEG(t, 64, 48))
		src := open(t, "file:c.jpeg", files, &drop.Counters{})
		n := 0
		err := src.Run(t.Context(), func(source.Frame) {
			if n++; n == 3 {
				delete(files, "c.jpeg")
			}
		})
		if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "c.jpeg") {
			t.Errorf("error %v", err)
		}
	})
}

func TestFileWarnsOfReorderedPictures(t *testing.T) {
	for name, want := range map[string]string{"bframes.h264": source.ReorderWarning, "slices.h264": ""} {
		synctest.Test(t, func(t *testing.T) {
			src := open(t, "file:c.h264", file1("c.h264", sourcetest.ReadFile(t, sourcetest.H264Dir+name)), &drop.Counters{})
			if _, err := sourcetest.Collect(t, src, 3); err != nil {
				t.Fatal(err)
			}
			if got := src.(source.Warner).Warning(); got != want {
				t.Errorf("%s: warning %q, want %q", name, got, want)
			}
		})
	}
}

// brokenFS has files whose reading fails.
type brokenFS struct{}

func (brokenFS) Open(string) (fs.File, error) { return brokenFile{}, nil }

type brokenFile struct{ fs.File }

func (brokenFile) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
func (brokenFile) Close() error             { return nil }

func TestParseFindsFilesOfTheHost(t *testing.T) {
	env := source.Env{Drops: &drop.Counters{}, Log: testutil.Log(t)}
	if _, err := (source.Registry{"file": file.New}).Parse("porch", "file:"+sourcetest.H264Dir+"slices.h264",
		env); err != nil {
		t.Error(err)
	}
	if _, err := (source.Registry{"file": file.New}).Parse("porch", "file:"+sourcetest.H264Dir+"gone.h264",
		env); err == nil || !strings.Contains(err.Error(), "gone.h264") {
		t.Errorf("error %v", err)
	}
}

package transcode

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/cameras"
	"github.com/bramble-cam/bramble/internal/media"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// shareFixture is a Transcoder of cameras that never deliver a frame, so that renditions begin without ffmpeg.
type shareFixture struct {
	*fixture
	most    int
	cameras map[string]*camera
	open    map[Principal][]*cameras.Subscription
	asked   int
}

func newShareFixture(t *testing.T, most int) *shareFixture {
	ffmpegPath(t)
	return &shareFixture{
		newFixture(t, nil, Config{Max: most, Linger: time.Hour}),
		most,
		make(map[string]*camera),
		make(map[Principal][]*cameras.Subscription),
		0,
	}
}

// ask requests a rendition that no other viewer has, unless quality selects one. It returns the limit that refuses it,
// or "".
func (r *shareFixture) ask(by Principal, id string, quality ...int) string {
	r.t.Helper()
	if r.cameras[id] == nil {
		r.cameras[id] = r.newCamera(id, media.H264)
	}
	r.asked++
	want := media.Want{
		Codec:   media.JPEG,
		Width:   160 * (1 + r.asked%2),
		Quality: qualities()[r.asked/2%6],
		FPS:     float64(rates()[r.asked/12%6]),
		Rotate:  r.asked / 72 % 4 * 90,
	}
	if quality != nil {
		want = media.Want{Codec: media.JPEG, Quality: quality[0]}
	}
	v, err := r.tr.Subscribe(r.t.Context(), r.cameras[id].Camera, want, by, cameras.Viewer)
	var limit *LimitError
	switch {
	case errors.As(err, &limit) && errors.Is(err, ErrTooMany):
		return limit.Limit
	case err != nil:
		r.t.Fatal(err)
	}
	r.open[by] = append(r.open[by], v)
	return ""
}

// leave closes all viewers of a principal.
func (r *shareFixture) leave(by Principal) {
	for _, v := range r.open[by] {
		v.Close()
	}
	delete(r.open, by)
}

// tidy closes the viewers of ended renditions, and returns how many renditions each principal has.
func (r *shareFixture) tidy() map[string]int {
	r.t.Helper()
	have := make(map[string]int)
	for by, list := range r.open {
		list = slices.DeleteFunc(list, func(v *cameras.Subscription) bool {
			r.tr.mu.Lock()
			runs := false
			for _, j := range r.tr.jobs {
				runs = runs || j.out == v.Stream()
			}
			r.tr.mu.Unlock()
			if runs {
				return false
			}
			if _, err := v.Next(context.Background(), testutil.Timeout); !errors.Is(err, ErrTooMany) {
				r.t.Errorf("a viewer of what gave way gets %v", err)
			}
			v.Close()
			return true
		})
		r.open[by] = list
		have[by.ID] += len(list)
	}
	if n := len(r.tr.Renditions(nil)); n > r.most {
		r.t.Errorf("%d run, of %d that may", n, r.most)
	}
	return have
}

func (r *shareFixture) has(want map[string]int) {
	r.t.Helper()
	if have := r.tidy(); !maps.Equal(have, want) {
		r.t.Errorf("they have %v, want %v", have, want)
	}
}

// the principals of these tests.
func viewer(name string) Principal { return Principal{ID: name, Rank: 1} }
func admin() Principal             { return Principal{ID: "root", Rank: 3} }
func signedLink() Principal        { return Principal{ID: "link", MaxProcesses: 2} }

// TestFairShares: the principal with most gives way to those with fewer, down to equal shares and no further.
func TestFairShares(t *testing.T) {
	anna, otto := viewer("anna"), viewer("otto")
	for name, test := range map[string]func(*testing.T, *shareFixture){
		"one alone may have all, and gives way": func(_ *testing.T, r *shareFixture) {
			for range 20 {
				r.ask(anna, "porch")
			}
			r.has(map[string]int{"anna": 6})
			for range 20 {
				r.ask(otto, "porch")
			}
			r.has(map[string]int{"anna": 3, "otto": 3})
		},
		"nothing moves back": func(t *testing.T, r *shareFixture) {
			for range 50 {
				for _, p := range []Principal{anna, otto, admin(), signedLink()} {
					r.ask(p, "porch")
					r.ask(p, "yard")
					r.tidy()
				}
			}
			before := r.tr.Totals().Preempted
			for range 50 {
				for _, p := range []Principal{anna, otto, admin(), signedLink()} {
					r.ask(p, "porch")
					r.ask(p, "yard")
					r.tidy()
				}
			}
			if after := r.tr.Totals().Preempted; after != before {
				t.Errorf("%d more gave way, though all ask as before", after-before)
			}
		},
		"a link has two": func(t *testing.T, r *shareFixture) {
			if got := []string{r.ask(signedLink(), "porch"), r.ask(signedLink(), "porch"),
				r.ask(signedLink(), "porch")}; !slices.Equal(got, []string{"", "", LimitLink}) {
				t.Errorf("%q", got)
			}
		},
		"shares that are used up are named": func(t *testing.T, r *shareFixture) {
			for n := range 6 {
				r.ask(viewer(fmt.Sprint("viewer", n)), fmt.Sprint("camera", n))
			}
			if got := []string{r.ask(anna, "yard"), r.ask(viewer("viewer1"), "yard"), r.ask(admin(), "yard"),
				r.ask(anna, "yard")}; !slices.Equal(got, []string{LimitAll, LimitPrincipal, "", LimitAll}) {
				t.Errorf("%q", got)
			}
		},
		"a camera has its share": func(t *testing.T, r *shareFixture) {
			for n := range 6 {
				r.ask(viewer(fmt.Sprint("viewer", n)), "porch")
			}
			if got := []string{r.ask(anna, "porch"), r.ask(anna, "yard"), r.ask(otto, "yard"),
				r.ask(otto, "porch")}; !slices.Equal(got, []string{LimitCamera, "", "", LimitPrincipal}) {
				t.Errorf("%q", got)
			}
		},
		"one has other cameras instead": func(_ *testing.T, r *shareFixture) {
			for range 6 {
				r.ask(anna, "porch")
			}
			r.ask(anna, "yard")
			r.has(map[string]int{"anna": 6})
		},
		"what is shared counts in parts": func(t *testing.T, r *shareFixture) {
			for n := range 6 {
				r.ask(anna, "porch", qualities()[n])
				r.ask(otto, "porch", qualities()[n])
			}
			if got := r.ask(viewer("emma"), "porch"); got != "" {
				t.Errorf("two who watch the same keep all: %q", got)
			}
			r.has(map[string]int{"anna": 5, "otto": 5, "emma": 1})
		},
		"who has little keeps what they share with who has much": func(_ *testing.T, r *shareFixture) {
			r.ask(otto, "porch", 30)
			r.ask(anna, "porch", 30)
			for range 5 {
				r.ask(anna, "porch")
			}
			for range 5 {
				r.ask(viewer("emma"), "porch")
			}
			r.has(map[string]int{"anna": 3, "otto": 1, "emma": 3})
		},
		"what was left is free": func(t *testing.T, r *shareFixture) {
			for range 6 {
				r.ask(anna, "porch")
			}
			r.leave(anna) // all linger
			for range 6 {
				r.ask(signedLink(), "porch")
				r.ask(otto, "yard")
			}
			r.has(map[string]int{"otto": 4, "link": 2})
			if n := r.tr.Totals().Preempted; n != 0 {
				t.Errorf("%d viewers gave way, though the others had no viewers", n)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newShareFixture(t, 6)
			test(t, r)
			for by := range r.open {
				r.leave(by)
			}
		})
	}
}

// TestSharesInProcess: renditions that the hub makes itself have shares, too.
func TestSharesInProcess(t *testing.T) {
	r := newShareFixture(t, 1)
	r.most = inProcessPerFFmpeg
	cam, rotate := r.newCamera("porch", media.JPEG), map[string]int{"anna": 0, "otto": 90}
	tile := func(by Principal, quality int) string {
		r.t.Helper()
		v, err := r.tr.Subscribe(
			t.Context(),
			cam.Camera,
			media.Want{Codec: media.JPEG, Quality: quality, Rotate: rotate[by.ID], FPS: 2},
			by, cameras.Viewer,
		)
		var limit *LimitError
		if errors.As(err, &limit) {
			return limit.Limit
		}
		r.open[by] = append(r.open[by], v)
		return ""
	}
	for _, quality := range qualities()[:inProcessPerFFmpeg] {
		if got := tile(viewer("anna"), quality); got != "" {
			t.Errorf("quality %d: %q", quality, got)
		}
	}
	got := []string{
		tile(viewer("anna"), 90), tile(viewer("otto"), 90), tile(viewer("otto"), 100), tile(viewer("otto"), 30),
	}
	if !slices.Equal(got, []string{LimitPrincipal, "", "", LimitPrincipal}) {
		t.Errorf("%q", got)
	}
	r.has(map[string]int{"anna": 2, "otto": 2})
	for by := range r.open {
		r.leave(by)
	}
}

// TestDefaultMax: the default depends on the machine.
func TestDefaultMax(t *testing.T) {
	for _, c := range []struct {
		processors int
		memory     uint64
		want       int
	}{{1, 0, 16}, {2, 0, 32}, {2, 16 << 30, 32}, {4, 1 << 30, 8}, {4, 8 << 30, 64}, {1, 256 << 20, 4}, {0, 0, 16}} {
		if got := DefaultMax(c.processors, c.memory); got != c.want {
			t.Errorf("%d processors and %d MiB: %d, want %d", c.processors, c.memory>>20, got, c.want)
		}
	}
}

// TestNoMoreProcesses: while a process that gave way is still ending, the next one waits. No more run than are allowed.
func TestNoMoreProcesses(t *testing.T) {
	r := newFixture(t, makeClips(t), Config{Max: 1, FFmpeg: program(t, "trap '' INT; exec sleep 1000")})
	cam := r.newCamera("porch", media.H264)
	cam.play(interval)
	for n := range 4 {
		v := cam.view(media.Want{Codec: media.JPEG, Width: widths()[n]})
		testutil.Eventually(t, "it runs", func() bool {
			if total := r.tr.Totals(); total.Processes > 1 {
				t.Errorf("%d processes", total.Processes)
			}
			return r.runs(v)
		})
		v.Close()
	}
}

// runs reports whether a viewer's rendition has a process.
func (r *fixture) runs(v *cameras.Subscription) bool {
	r.tr.mu.Lock()
	defer r.tr.mu.Unlock()
	for _, j := range r.tr.jobs {
		if j.out == v.Stream() {
			return j.pid != 0
		}
	}
	return false
}

// TestReencodeYields: a picture that the hub remakes itself yields the processor before each 4 KiB of input or output.
func TestReencodeYields(t *testing.T) {
	picture := makeClips(t).jpegs[0]
	turns := 0
	made, _, _, err := reencode(picture, rendition{media.Want{Codec: media.JPEG, Quality: 100}}, func() { turns++ })
	if want := (len(picture) + len(made)) / 4096; err != nil || turns < want || turns > 2*want+4 {
		t.Errorf("%d turns, want %d at least: %v", turns, want, err)
	}
}

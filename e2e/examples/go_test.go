package examples

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image/jpeg"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/bramble-cam/bramble/e2e/internal/proc"
	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/drop"
	"github.com/bramble-cam/bramble/shared/status"
)

func TestSaveJPEGs(t *testing.T) {
	t.Parallel()
	url, dir := testutil.StartNATS(t), t.TempDir()
	serve(t, url, "porch=pattern:#size=160x120&fps=10")
	p := start(t, nil, binary("save-jpegs"), url, "porch", dir)
	waitPictures(t, dir, 5, 160, 120)
	p.Stop()
	missing := missingPictures(t, url, savedPictures(t, dir))
	var reported uint64
	for line := range strings.Lines(p.Output()) {
		var date, clock string
		var n uint64
		if _, err := fmt.Sscanf(line, "%s %s %d pictures were lost", &date, &clock, &n); err != nil {
			t.Errorf("save-jpegs said %s", line)
		}
		reported += n
	}
	if missing != reported {
		t.Errorf("%d pictures are missing, save-jpegs reported %d", missing, reported)
	}
}

// waitPictures waits until a program has saved want pictures, and looks at those.
func waitPictures(t *testing.T, dir string, want, width, height int) {
	t.Helper()
	var names []string
	testutil.Eventually(t, "pictures are saved", func() bool {
		names = savedPictures(t, dir)
		return len(names) > want // the last may be half written
	})
	for _, name := range names[:want] {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		checkPicture(t, b, width, height)
	}
}

// savedPictures returns the files of a program in the order of their frames.
func savedPictures(t *testing.T, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.jpeg"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// missingPictures returns how many frames are missing between the files. They must be of one epoch. Only those may be
// missing that the agent of camera porch has replaced by newer ones, because the host was slow.
func missingPictures(t *testing.T, url string, names []string) uint64 {
	t.Helper()
	var missing, epoch, last uint64
	for i, name := range names {
		var e, seq uint64
		if _, err := fmt.Sscanf(filepath.Base(name), "%d-%d.jpeg", &e, &seq); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if i > 0 {
			missing += seq - last - 1
		}
		if i > 0 && e != epoch {
			t.Fatalf("saved %v, which is not one run", names)
		}
		epoch, last = e, seq
	}
	msg, err := testutil.Connect(t, url).Request("cam.porch.do.info", nil, testutil.Timeout)
	if err != nil {
		t.Fatal(err)
	}
	s, err := status.Decode(msg.Data)
	if dropped := s.Drops[drop.QueueHead.String()]; err != nil || missing > dropped {
		t.Errorf("saved %v, %d are missing; the agent has dropped %v, %v", names, missing, s.Drops, err)
	}
	return missing
}

func checkPicture(t *testing.T, b []byte, width, height int) {
	t.Helper()
	p, err := jpeg.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatalf("%d bytes: %v", len(b), err)
	}
	if got := p.Bounds().Size(); got.X != width || got.Y != height {
		t.Errorf("the picture is %v, want %dx%d", got, width, height)
	}
}

func TestSnapshot(t *testing.T) {
	t.Parallel()
	url := testutil.StartNATS(t)
	serve(t, url, "porch=pattern:#size=160x120&fps=10")
	broken := nats.NewMsg("")
	broken.Header.Set(micro.ErrorCodeHeader, "503")
	broken.Header.Set(micro.ErrorHeader, "no such device")
	nc := testutil.Connect(t, url)
	if _, err := nc.Subscribe("cam.broken.do.snapshot", func(msg *nats.Msg) { _ = msg.RespondMsg(broken) }); err != nil {
		// an agent whose camera is gone
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	checkPicture(t, output(t, nil, binary("snapshot"), url, "porch"), 160, 120)
	for camera, want := range map[string]string{"garden": "no agent serves the camera garden", "a.b": "camera",
		"broken": "no such device"} {
		if said, err := exec.Command(binary("snapshot"), url, camera).CombinedOutput(); err == nil ||
			!bytes.Contains(said, []byte(want)) {
			t.Errorf("of the camera %q: %v, %s; want %q", camera, err, said, want)
		}
	}
}

// found is what both detectors print of a picture.
type found struct {
	Camera        string
	Seq           int
	Width, Height int
	Brightness    *float64 // of the Go one only
}

func findings(t *testing.T, workers []*proc.Process) (all []found, each []int) {
	t.Helper()
	for _, w := range workers {
		n := 0
		for line := range strings.Lines(w.Output()) {
			if !strings.HasPrefix(line, "{") || !strings.HasSuffix(line, "\n") {
				continue
			}
			var f found
			if err := json.Unmarshal([]byte(line), &f); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			all = append(all, f)
			n++
		}
		each = append(each, n)
	}
	return all, each
}

func TestDetectors(t *testing.T) {
	t.Parallel()
	testDetectors(t, func(url string) *proc.Process { return start(t, nil, binary("detectors"), url) })
}

// testDetectors publishes stills of two cameras to one detector, and then to three: each picture is looked at once, and
// all three have work.
func testDetectors(t *testing.T, worker func(url string) *proc.Process) {
	url := testutil.StartNATS(t)
	nc := testutil.Connect(t, url)
	cameras := map[string][]byte{"porch": picture(t, 64, 48, 200), "lab-1": picture(t, 32, 16, 50)}
	bright := map[string]float64{"porch": 200, "lab-1": 50}
	const round = 40 // of each camera: that one of three workers gets none of 80 has a chance of 1 in 10^13
	var workers []*proc.Process
	for n, count := range []int{1, 3} {
		for len(workers) < count {
			w := worker(url)
			waitSaid(t, w, "looking at cam.*.still")
			workers = append(workers, w)
		}
		_, before := findings(t, workers)
		var all []found
		var each []int
		for i := range round {
			for camera, p := range cameras {
				publish(t, nc, "cam."+camera+".still", n*round+i, p)
				if err := nc.Publish("cam."+camera+".still", nil); err != nil { // a question for interest
					t.Fatal(err)
				}
			}
			publish(t, nc, "cam.porch.still", i, []byte("not a picture"))
			if i%8 < 7 { // eight of each at once: detectors drop what they cannot keep up with
				continue
			}
			testutil.Eventually(t, "all pictures are looked at", func() bool {
				all, each = findings(t, workers)
				return len(all) >= (n*round+i+1)*len(cameras)
			})
		}
		seen := map[string]int{}
		for _, f := range all {
			seen[fmt.Sprint(f.Camera, f.Seq)]++
			if w, h := map[string]int{"porch": 64, "lab-1": 32}[f.Camera], map[string]int{"porch": 48,
				"lab-1": 16}[f.Camera]; f.Width != w || f.Height != h {
				t.Errorf("%+v, want %dx%d", f, w, h)
			}
			if f.Brightness != nil && math.Abs(*f.Brightness-bright[f.Camera]) > 2 {
				t.Errorf("%s has a brightness of %v, want %v", f.Camera, *f.Brightness, bright[f.Camera])
			}
		}
		if len(seen) != len(all) {
			t.Errorf("%d findings of %d pictures", len(all), len(seen))
		}
		for i := range each {
			if each[i] == before[i] {
				t.Errorf("worker %d of %d did nothing", i+1, count)
			}
		}
	}
}

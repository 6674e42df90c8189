package subject

import (
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/shared/frame"
)

func TestSubjects(t *testing.T) {
	site, err := NewSpace("site.cam")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ got, want string }{
		{Space{}.Frames("porch", frame.JPEG), "cam.porch.jpeg"},
		{Space{}.Frames("porch", frame.H264), "cam.porch.h264"},
		{Space{}.Still("porch"), "cam.porch.still"},
		{Space{}.Status("porch"), "cam.porch.status"},
		{Space{}.AllStatus(), "cam.*.status"},
		{Space{}.Do("porch", Info), "cam.porch.do.info"},
		{Space{}.Do("porch", Snapshot), "cam.porch.do.snapshot"},
		{Space{}.Do("porch", KeyFrame), "cam.porch.do.keyframe"},
		{Space{}.Do("porch", Wake), "cam.porch.do.wake"},
		{site.Status("a-1"), "site.cam.a-1.status"},
	} {
		if test.got != test.want {
			t.Errorf("got %s, want %s", test.got, test.want)
		}
	}
}

func TestValidateID(t *testing.T) {
	for id, ok := range map[string]bool{
		"porch": true, "0": true, "a-": true, "lab-2-west": true, strings.Repeat("a", 63): true,
		"": false, "-a": false, "Porch": false, "a.b": false, "a*": false, ">": false, "a b": false, "a\n": false,
		"é":                     false,
		strings.Repeat("a", 64): false, strings.Repeat("x", 10_000): false,
	} {
		err := ValidateID(id)
		if (err == nil) != ok {
			t.Errorf("ValidateID(%.70q) = %v, want ok=%v", id, err, ok)
		}
		if err != nil && len(err.Error()) > 300 {
			t.Errorf("the error repeats %d bytes of a stranger's input", len(err.Error()))
		}
	}
}

func TestNewSpace(t *testing.T) {
	for root, ok := range map[string]bool{"": true, "cam": true, "a.b.c.d": true, "a.b.c.d.e": false, "a..b": false,
		"a.*": false, "a b": false, ">": false, "a.": false, "bramble-hub": false, "bramble-hub.cam": false,
		"cam.bramble-hub": true} {
		if _, err := NewSpace(root); (err == nil) != ok {
			t.Errorf("NewSpace(%q) = %v, want ok=%v", root, err, ok)
		}
	}
}

func TestCameraOf(t *testing.T) {
	for subj, want := range map[string]string{"cam.porch.status": "porch", "cam.a.do.info": "a", "camx.porch.status": "",
		"cam..status": "", "cam.": "", "": "", "cam.A.jpeg": ""} {
		got, err := Space{}.CameraOf(subj)
		if (err == nil) != (want != "") || err == nil && got != want {
			t.Errorf("CameraOf(%q) = %q, %v; want %q", subj, got, err, want)
		}
	}
}

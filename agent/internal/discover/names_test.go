package discover

import (
	"slices"
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/shared/subject"
)

func TestTitle(t *testing.T) {
	for card, want := range map[string]string{
		"HD Pro Webcam C920":               "HD Pro Webcam C920",
		"HD Pro Webcam C920: HD Pro Webc":  "HD Pro Webcam C920",
		"Integrated Camera: Integrated C":  "Integrated Camera",
		"UVC Camera (046d:0825)":           "UVC Camera",
		"USB 2.0 Camera: USB Camera":       "USB 2.0 Camera: USB Camera",
		"Cam Link 4K: Cam Link 4K":         "Cam Link 4K",
		"A very long name of 31 bytes: A ": "A very long name of 31 bytes",
		"":                                 "",
	} {
		if got := title(card); got != want {
			t.Errorf("%q: got %q, want %q", card, got, want)
		}
	}
}

// TestNames: ids are allowed, short, and unlike each other.
func TestNames(t *testing.T) {
	for _, c := range []struct {
		host   string
		titles []string
		want   []string
	}{
		{"pi4", []string{"HD Pro Webcam C920"}, []string{"pi4-hd-pro-webcam-c920"}},
		{"Pi 4.local", []string{"Logi!! (C270) ", "Logi C270"}, []string{"pi-4-logi-c270", "pi-4-logi-c270-2"}},
		{"", []string{"Cam", "Cam", "Cam 2"}, []string{"cam", "cam-2", "cam-2-2"}},
		{"---", []string{"Камера", "\x00"}, []string{"camera", "camera-2"}},
		{strings.Repeat("long-", 60), []string{"Microsoft LifeCam Studio for Business 2"},
			[]string{"long-long-long-long-long-long-microsoft-lifecam-studio-for"}},
		{strings.Repeat("h", 300), []string{strings.Repeat("x", 300)},
			[]string{strings.Repeat("h", maxHost) + "-" + strings.Repeat("x", maxSlug)}},
	} {
		var list []Camera
		for i, title := range c.titles {
			list = append(list, Camera{Title: title, Use: &Option{}, key: string(rune('a' + i))})
		}
		New(Options{Host: c.host + "."}).name(list)
		var got []string
		for _, f := range list {
			got = append(got, f.Name)
			if err := subject.ValidateID(f.Name); err != nil {
				t.Error(err)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s %q: got %q, want %q", c.host, c.titles, got, c.want)
		}
	}
}

func TestNatural(t *testing.T) {
	want := []string{"", "/dev/video1", "/dev/video2", "/dev/video10", "/dev/video10a", "b", "b0123456789012",
		"b0123456789013"}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, natural)
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

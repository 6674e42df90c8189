package authz_test

import (
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/auth"
	"github.com/bramble-cam/bramble/hub/internal/authz"
	"github.com/bramble-cam/bramble/hub/internal/cameras"
	"github.com/bramble-cam/bramble/hub/internal/problem"
	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/status"
)

// known returns a hub's cameras: attic, porch and yard.
func known(t *testing.T) authz.Cameras {
	t.Helper()
	reg := cameras.New(cameras.Config{Log: slog.New(slog.DiscardHandler)})
	for _, id := range []string{"yard", "attic", "porch"} {
		reg.OnStatus(status.Status{
			Camera: id, Instance: "i", Started: time.Now(), State: status.Idle, Format: frame.JPEG,
		})
	}
	return authz.Cameras{Registry: reg}
}

func TestLookup(t *testing.T) {
	all := known(t)
	if cam, err := all.Lookup(auth.Anonymous(), "porch"); err != nil || cam.ID() != "porch" {
		t.Errorf("%v, %v", cam, err)
	}
	for name, test := range map[string]struct {
		p     auth.Principal
		id    string
		known []string
		says  string
	}{
		"unknown": {auth.Anonymous(), "cellar", []string{"attic", "porch", "yard"},
			`unknown camera "cellar": known cameras are attic, porch, yard`},
		"bad id":       {auth.Anonymous(), "NO", []string{"attic", "porch", "yard"}, "1 to 63 of a-z"},
		"not granted":  {auth.Principal{}, "porch", nil, `unknown camera "porch": no camera is known yet`},
		"bad, nothing": {auth.Principal{}, "", nil, "no camera is known yet"},
	} {
		_, err := all.Lookup(test.p, test.id)
		var unknown *authz.UnknownCameraError
		if !errors.As(err, &unknown) || !errors.Is(err, cameras.ErrUnknownCamera) ||
			!strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		p := problem.Of(err)
		if p.Status != http.StatusNotFound || p.Detail != err.Error() || !slices.Equal(p.Cameras, test.known) {
			t.Errorf("%s: %+v", name, p)
		}
	}
}

func TestOrdered(t *testing.T) {
	all := known(t)
	for first, want := range map[string]string{
		"": "attic porch yard", "yard": "yard attic porch", "attic": "attic porch yard", "cellar": "attic porch yard",
	} {
		var got []string
		for _, cam := range all.Ordered(auth.Anonymous(), first) {
			got = append(got, cam.ID())
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q first: %v", first, got)
		}
	}
	if cam, err := all.Nth(auth.Anonymous(), 3, "yard"); err != nil || cam.ID() != "porch" {
		t.Errorf("the third: %v, %v", cam, err)
	}
	for _, n := range []int{-1, 0, 4} {
		if _, err := all.Nth(auth.Anonymous(), n, ""); !errors.Is(err, cameras.ErrUnknownCamera) {
			t.Errorf("number %d: %v", n, err)
		}
	}
	if list := all.List(auth.Principal{}); len(list) != 0 {
		t.Errorf("who may view nothing views %v", list)
	}
}

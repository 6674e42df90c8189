package loglimit_test

import (
	"errors"
	"testing"

	"github.com/bramble-cam/bramble/internal/loglimit"
)

func TestErrorOnce(t *testing.T) {
	var o loglimit.ErrorOnce
	full, gone := errors.New("disk full"), errors.New("disk gone")
	for i, step := range []struct {
		err              error
		isNew, recovered bool
	}{
		{nil, false, false}, {full, true, false}, {full, false, false}, {gone, true, false}, {full, true, false},
		{nil, false, true}, {nil, false, false}, {full, true, false},
	} {
		if isNew, recovered := o.Seen(step.err); isNew != step.isNew || recovered != step.recovered {
			t.Errorf("step %d: new %v, recovered %v", i, isNew, recovered)
		}
	}
}

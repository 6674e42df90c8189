package agent

import (
	"context"

	"github.com/bramble-cam/bramble/agent/internal/discover"
)

// hostFinder finds the cameras of this machine.
type hostFinder struct{ *discover.Finder }

// Find returns the cameras worth using, each with the source that fits it.
func (f hostFinder) Find(ctx context.Context) ([]Camera, error) {
	list, err := f.Cameras(ctx)
	if err != nil {
		return nil, err
	}
	var found []Camera
	for _, c := range list {
		if c.Use != nil {
			found = append(found, Camera{c.Name, c.Use.Source})
		}
	}
	return found, nil
}

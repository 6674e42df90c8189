// Package outputs is the list of the hub's outputs. Adding one means a line here.
package outputs

import (
	"github.com/bramble-cam/bramble/hub/internal/output"
	"github.com/bramble-cam/bramble/hub/internal/output/h264raw"
	"github.com/bramble-cam/bramble/hub/internal/output/jpeg"
	"github.com/bramble-cam/bramble/hub/internal/output/mjpeg"
	"github.com/bramble-cam/bramble/hub/internal/output/mp4"
	"github.com/bramble-cam/bramble/hub/internal/output/mpegts"
)

// All returns the outputs in the order in which lists have them.
func All() *output.Registry {
	return output.NewRegistry(
		jpeg.New(),
		mjpeg.New(),
		h264raw.New(),
		mp4.New(),
		mpegts.New(),
	)
}

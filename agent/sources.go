package agent

import (
	"github.com/bramble-cam/bramble/agent/internal/source"
	"github.com/bramble-cam/bramble/agent/internal/source/exec"
	"github.com/bramble-cam/bramble/agent/internal/source/file"
	"github.com/bramble-cam/bramble/agent/internal/source/pattern"
	"github.com/bramble-cam/bramble/agent/internal/source/rpicam"
	"github.com/bramble-cam/bramble/agent/internal/source/v4l2"
)

// sources lists the kinds of sources. A new kind is a package below agent/internal/source and a line here.
func sources() source.Registry {
	return source.Registry{
		"exec":    exec.New,
		"file":    file.New,
		"pattern": pattern.New,
		"rpicam":  rpicam.New,
		"v4l2":    v4l2.New,
	}
}

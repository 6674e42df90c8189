package agent

import (
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"time"

	"github.com/bramble-cam/bramble/internal/natsconn/credential"
	"github.com/bramble-cam/bramble/internal/natsconn/tlstrust"
	"github.com/bramble-cam/bramble/internal/setting"
	"github.com/bramble-cam/bramble/shared/subject"
)

// Config is what an Agent needs to know.
type Config struct {
	Hub         string                // NATS URL, or several joined by commas
	Credential  credential.Credential // shown to NATS; zero means none
	Trust       tlstrust.Settings     // how NATS shows that it is the hub's
	SubjectRoot string                // first token of every subject; "" means "cam"
	Cameras     []Camera              // none means every camera that this host has or gets
	Linger      time.Duration         // how long a camera stays live after its last subscriber left; 0 means 10 s
	Takeover    bool                  // start even if another agent serves a camera of the same name
	Version     string                // semantic version that the status shows
	Host        string                // "" means the host's name
	Files       fs.FS                 // where file: sources read from; nil means the host's file system
	Log         *slog.Logger          // nil means slog.Default

	discoverer   discoverer    // finds the cameras of this host; nil means hostDiscoverer
	scanInterval time.Duration // between scans for new cameras; 0 means defaultScanInterval
	refusedDelay time.Duration // publish.ConnConfig.RefusedDelay
}

// Camera names a camera and says where its frames come from.
type Camera struct {
	Name   string // the camera id: 1 to 63 of a-z, 0-9 and '-'
	Source string // kind:rest#option=value&option=value
}

// ParseCamera parses NAME=SOURCE.
func ParseCamera(s string) (Camera, error) {
	name, source, ok := strings.Cut(s, "=")
	if !ok {
		return Camera{}, fmt.Errorf("camera %q: write NAME=SOURCE, for example 'porch=pattern:'", s)
	}
	if err := subject.ValidateID(name); err != nil {
		return Camera{}, err
	}
	return Camera{name, source}, nil
}

func (c *Config) validate() error {
	if c.Hub == "" {
		return setting.Errorf("no hub: give {hub} nats://HOST:4222")
	}
	if c.Linger < 0 {
		return fmt.Errorf("linger %v: give a time such as 10s", c.Linger)
	}
	if _, err := c.Trust.Options(); err != nil {
		return err
	}
	seen := make(map[string]bool)
	for _, cam := range c.Cameras {
		if err := subject.ValidateID(cam.Name); err != nil {
			return err
		}
		if seen[cam.Name] {
			return fmt.Errorf("camera %s is given twice: every camera needs a name of its own", cam.Name)
		}
		seen[cam.Name] = true
	}
	return nil
}

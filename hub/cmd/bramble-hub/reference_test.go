package main

import (
	"testing"

	"github.com/bramble-cam/bramble/internal/config/configtest"
)

func reference() configtest.Program {
	return configtest.Program{Name: "bramble-hub", Root: "../../..", Example: "deployments/config/hub.yaml",
		Sources: []string{"settings.go"}, New: func() any { return &cli{} }}
}

// TestSettings compares the program's settings with docs/ref/config.md and with the example file.
func TestSettings(t *testing.T) { reference().Check(t) }

// FuzzFile reads any bytes as the configuration file.
func FuzzFile(f *testing.F) { reference().Fuzz(f) }

package main

import (
	"testing"

	"github.com/bramble-cam/bramble/shared/conf/conftest"
)

// TestSettings compares the program's settings with docs/ref/config.md and with the example file.
func TestSettings(t *testing.T) {
	conftest.Program{
		Name: "bramble-agent", Root: "../../..", Example: "deployments/config/agent.yaml", New: func() any { return &cli{} },
	}.Check(t)
}

package main

import (
	"testing"

	"github.com/alecthomas/kong"

	"github.com/bramble-cam/bramble/internal/config"
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

// TestEnvironment checks that the environment sets settings only, and no flag of a command, such as --cameras.
func TestEnvironment(t *testing.T) {
	parser, err := kong.New(&cli{}, config.Options("bramble-hub", "", "")...)
	if err != nil {
		t.Fatal(err)
	}
	var check func(n *kong.Node)
	check = func(n *kong.Node) {
		for _, f := range n.Flags {
			if len(f.Envs) > 0 {
				t.Errorf("%s --%s reads %v: add env:\"-\"", n.Path(), f.Name, f.Envs)
			}
		}
		for _, child := range n.Children {
			check(child)
		}
	}
	for _, command := range parser.Model.Children {
		check(command)
	}
}

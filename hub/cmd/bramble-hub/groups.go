package main

import (
	"encoding/json"
	"strings"

	"github.com/bramble-cam/bramble/hub/internal/credstore"
)

// groupCommands are bramble-hub group ...
type groupCommands struct {
	scope `embed:""`

	Add    groupAdd    `cmd:"" help:"Add a camera group."`
	List   groupList   `cmd:"" help:"List the camera groups."`
	Set    groupSet    `cmd:"" help:"Change the cameras of a group, for all grants that name it."`
	Remove groupRemove `cmd:"" help:"Remove a group that no grant names."`
}

type groupAdd struct {
	Name    string   `arg:"" help:"Name of the group: 1 to 63 of a-z, 0-9, '-', '_' and '.'."`
	Cameras []string `arg:"" help:"Camera IDs, or patterns with *."`
}

// Run adds the group.
func (c *groupAdd) Run(cmd *cmdContext) error {
	return cmd.edit(func(doc *credstore.File) error { return doc.AddGroup(c.Name, c.Cameras) },
		"camera group added", "group.add", "name", c.Name, "cameras", strings.Join(c.Cameras, ","))
}

type groupList struct {
	JSON bool `name:"json" help:"Print JSON." env:"-"`
}

// Run lists the groups.
func (c *groupList) Run(cmd *cmdContext) error {
	b, err := cmd.snapshot()
	if err != nil {
		return err
	}
	if c.JSON {
		return cmd.json("groups", append([]credstore.Group{}, b.Groups()...))
	}
	var rows [][]string
	for _, g := range b.Groups() {
		rows = append(rows, []string{g.Name, strings.Join(g.Cameras, ",")})
	}
	return cmd.table("NAME CAMERAS", rows)
}

// json prints a list under a key, so that other keys can be added later.
func (cmd *cmdContext) json(key string, list any) error {
	text, err := json.MarshalIndent(map[string]any{key: list}, "", "  ")
	if err != nil {
		return err
	}
	return cmd.print(string(text))
}

type groupSet struct {
	Name    string   `arg:"" help:"Name of the group."`
	Cameras []string `arg:"" help:"All camera IDs, or patterns with *, of the group."`
}

// Run changes the group.
func (c *groupSet) Run(cmd *cmdContext) error {
	return cmd.edit(func(doc *credstore.File) error { return doc.SetGroup(c.Name, c.Cameras) },
		"camera group changed", "group.change", "name", c.Name, "cameras", strings.Join(c.Cameras, ","))
}

type groupRemove struct {
	Name string `arg:"" help:"Name of the group."`
}

// Run removes the group.
func (c *groupRemove) Run(cmd *cmdContext) error {
	return cmd.edit(func(doc *credstore.File) error { return doc.RemoveGroup(c.Name) },
		"camera group removed", "group.remove", "name", c.Name)
}

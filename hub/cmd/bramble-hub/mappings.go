package main

import (
	"strings"

	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/hub/internal/permission"
)

// mappingCommands are bramble-hub mapping ...
type mappingCommands struct {
	scope `embed:""`

	Add    mappingAdd    `cmd:"" help:"Add a mapping."`
	List   mappingList   `cmd:"" help:"List the mappings."`
	Set    mappingSet    `cmd:"" help:"Change role or cameras of a mapping."`
	Remove removeCommand `cmd:"" help:"Remove a mapping."`
}

type mappingAdd struct {
	Who     string   `arg:"" help:"group:NAME, user:NAME or everyone, with NAME as the proxy or provider sends it."`
	Role    string   `help:"Role: ${enum}." enum:"viewer,operator,admin" default:"viewer" env:"-"`
	Cameras []string `help:"Camera IDs, patterns or @GROUP; =ROLE overrides." required:"" placeholder:"GRANTS" env:"-"`
}

// Run adds the mapping.
func (c *mappingAdd) Run(cmd *cmdContext) error {
	m := credstore.Mapping{Who: c.Who, Role: permission.Role(c.Role), Cameras: c.Cameras}
	return cmd.edit(func(doc *credstore.File) error { return doc.AddMapping(m) },
		"mapping added", "mapping.add", "name", c.Who, "role", c.Role, "cameras", strings.Join(c.Cameras, ","))
}

type mappingList struct {
	JSON bool `name:"json" help:"Print JSON." env:"-"`
}

// Run lists the mappings.
func (c *mappingList) Run(cmd *cmdContext) error {
	if c.JSON {
		return printJSON(cmd, "mappings", (*credstore.Snapshot).Mappings)
	}
	return printTable(cmd, "WHO ROLE CAMERAS", (*credstore.Snapshot).Mappings, func(m credstore.Mapping) []string {
		return []string{m.Who, string(m.Role), strings.Join(m.Cameras, ",")}
	})
}

type mappingSet struct {
	Who     string   `arg:"" help:"The mapping, as \"mapping list\" prints it."`
	Role    string   `help:"New role: viewer, operator or admin." env:"-"`
	Cameras []string `help:"Camera IDs, patterns or @GROUP; =ROLE after one overrides." placeholder:"GRANTS" env:"-"`
}

// Run changes the mapping.
func (c *mappingSet) Run(cmd *cmdContext) error {
	return cmd.edit(func(doc *credstore.File) error { return doc.SetMapping(c.Who, permission.Role(c.Role), c.Cameras) },
		"mapping changed", "mapping.change", "name", c.Who)
}

// groupCommands are bramble-hub group ...
type groupCommands struct {
	scope `embed:""`

	Add    groupAdd      `cmd:"" help:"Add a camera group."`
	List   groupList     `cmd:"" help:"List the camera groups."`
	Set    groupSet      `cmd:"" help:"Change the cameras of a group, for all grants that name it."`
	Remove removeCommand `cmd:"" help:"Remove a group that no grant names."`
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
	if c.JSON {
		return printJSON(cmd, "groups", (*credstore.Snapshot).Groups)
	}
	return printTable(cmd, "NAME CAMERAS", (*credstore.Snapshot).Groups, func(g credstore.Group) []string {
		return []string{g.Name, strings.Join(g.Cameras, ",")}
	})
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

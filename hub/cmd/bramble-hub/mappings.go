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
	Remove mappingRemove `cmd:"" help:"Remove a mapping."`
}

type mappingAdd struct {
	Who     string   `arg:"" help:"group:NAME, user:NAME or everyone, with NAME as the proxy or provider sends it."`
	Role    string   `help:"Role: ${enum}." enum:"viewer,operator,admin" default:"viewer" env:"-"`
	Cameras []string `help:"Camera IDs, patterns or @GROUP; =ROLE after one overrides." required:"" placeholder:"GRANTS"`
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
	b, err := cmd.snapshot()
	if err != nil {
		return err
	}
	if c.JSON {
		return cmd.json("mappings", append([]credstore.Mapping{}, b.Mappings()...))
	}
	var rows [][]string
	for _, m := range b.Mappings() {
		rows = append(rows, []string{m.Who, string(m.Role), strings.Join(m.Cameras, ",")})
	}
	return cmd.table("WHO ROLE CAMERAS", rows)
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

type mappingRemove struct {
	Who string `arg:"" help:"The mapping, as \"mapping list\" prints it."`
}

// Run removes the mapping.
func (c *mappingRemove) Run(cmd *cmdContext) error {
	return cmd.edit(func(doc *credstore.File) error { return doc.RemoveMapping(c.Who) },
		"mapping removed", "mapping.remove", "name", c.Who)
}

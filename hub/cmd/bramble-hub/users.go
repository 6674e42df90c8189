package main

import (
	"strconv"
	"strings"

	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/hub/internal/permission"
)

// userCommands are bramble-hub user ...
type userCommands struct {
	scope `embed:""`

	Add    userAdd    `cmd:"" help:"Add a user."`
	List   userList   `cmd:"" help:"List the users."`
	Set    userSet    `cmd:"" help:"Change role or cameras, or disable a user."`
	Passwd userPasswd `cmd:"" help:"Change a user's password, and end their sessions."`
	Remove userRemove `cmd:"" help:"Remove a user, their sessions and their tokens."`
}

type userAdd struct {
	Name          string   `arg:"" help:"Name of the user: 1 to 63 of a-z, 0-9, '-', '_', '.' and '@'."`
	Role          string   `help:"Role: ${enum}." enum:"viewer,operator,admin" default:"viewer" env:"-"`
	Cameras       []string `help:"Camera IDs, patterns or @GROUP; =ROLE after one overrides." default:"*" env:"-"`
	PasswordStdin bool     `help:"Read the password from standard input." env:"-"`
}

// Run adds the user.
func (c *userAdd) Run(cmd *cmdContext) error {
	if err := credstore.ValidateName(c.Name); err != nil { // before the command asks for a password
		return err
	}
	password, err := cmd.password(c.PasswordStdin)
	if err != nil {
		return err
	}
	return cmd.edit(func(doc *credstore.File) error {
		return doc.AddUser(c.Name, permission.Role(c.Role), c.Cameras, password)
	},
		"user added", "user.add", "name", c.Name, "role", c.Role, "cameras", strings.Join(c.Cameras, ","))
}

type userList struct{}

// Run lists the users.
func (*userList) Run(cmd *cmdContext) error {
	b, err := cmd.snapshot()
	if err != nil {
		return err
	}
	var rows [][]string
	for _, u := range b.Users() {
		rows = append(rows, []string{u.Name, string(u.Role), strconv.FormatBool(u.Enabled), strings.Join(u.Cameras, ",")})
	}
	return cmd.table("NAME ROLE ENABLED CAMERAS", rows)
}

type userSet struct {
	Name    string   `arg:"" help:"Name of the user."`
	Role    string   `help:"New role: viewer, operator or admin." env:"-"`
	Cameras []string `help:"Camera IDs, patterns or @GROUP; =ROLE after one overrides." placeholder:"GRANTS" env:"-"`
	Enabled *bool    `help:"Whether the user may log in." negatable:"" env:"-"`
}

// Run changes the user.
func (c *userSet) Run(cmd *cmdContext) error {
	return cmd.edit(func(doc *credstore.File) error {
		return doc.SetUser(c.Name, permission.Role(c.Role), c.Cameras, c.Enabled)
	},
		"user changed", "user.change", "name", c.Name)
}

type userPasswd struct {
	Name          string `arg:"" help:"Name of the user."`
	PasswordStdin bool   `help:"Read the password from standard input." env:"-"`
}

// Run changes the password.
func (c *userPasswd) Run(cmd *cmdContext) error {
	password, err := cmd.password(c.PasswordStdin)
	if err != nil {
		return err
	}
	return cmd.edit(func(doc *credstore.File) error { return doc.SetPassword(c.Name, password) }, "password changed",
		"user.passwd", "name", c.Name)
}

type userRemove struct {
	Name string `arg:"" help:"Name of the user."`
}

// Run removes the user.
func (c *userRemove) Run(cmd *cmdContext) error {
	return cmd.edit(func(doc *credstore.File) error { return doc.RemoveUser(c.Name) }, "user removed", "user.remove",
		"name", c.Name)
}

package main

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/hub/internal/permission"
	"github.com/bramble-cam/bramble/internal/secret"
)

// userCommands are bramble-hub user ...
type userCommands struct {
	scope `embed:""`

	Add    userAdd       `cmd:"" help:"Add a user."`
	List   userList      `cmd:"" help:"List the users."`
	Set    userSet       `cmd:"" help:"Change role or cameras, or disable a user."`
	Passwd userPasswd    `cmd:"" help:"Change a user's password, and end their sessions."`
	Remove removeCommand `cmd:"" help:"Remove a user, their sessions and their tokens."`
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
	return printTable(cmd, "NAME ROLE ENABLED CAMERAS", (*credstore.Snapshot).Users, func(u credstore.User) []string {
		return []string{u.Name, string(u.Role), strconv.FormatBool(u.Enabled), strings.Join(u.Cameras, ",")}
	})
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

// tokenCommands are bramble-hub token ...
type tokenCommands struct {
	scope `embed:""`

	Add    tokenAdd    `cmd:"" help:"Add an API token, and print it."`
	List   tokenList   `cmd:"" help:"List the tokens."`
	Remove tokenRemove `cmd:"" help:"Remove a token."`
}

type tokenAdd struct {
	Owner   string        `arg:"" help:"User on whose behalf the token acts."`
	Name    string        `arg:"" help:"Name of the program that uses it."`
	Expires time.Duration `help:"How long it is valid (default: forever)." placeholder:"TIME" env:"-"`
	Role    string        `help:"Highest role (default: the user's)." enum:"viewer,operator,admin," default:"" env:"-"`
	Cameras []string      `help:"Limit it to these of the user's cameras (default: all)." placeholder:"GLOBS" env:"-"`
}

// Run makes the token.
func (c *tokenAdd) Run(cmd *cmdContext) error {
	var token credstore.Token
	var text secret.Text
	err := cmd.change(func(doc *credstore.File) (err error) {
		narrow := credstore.Token{Owner: c.Owner, Name: c.Name, Role: permission.Role(c.Role), Cameras: c.Cameras}
		token, text, err = doc.AddNarrowToken(narrow, c.Expires)
		return err
	})
	if err != nil {
		return err
	}
	cmd.log.Info("token added; it is shown only once", "audit", "token.add", "id", token.ID, "owner", c.Owner,
		"for", c.Name, "role", c.Role, "cameras", strings.Join(c.Cameras, ","))
	return cmd.print(text.Reveal())
}

type tokenList struct{}

// Run lists the tokens.
func (*tokenList) Run(cmd *cmdContext) error {
	return printTable(cmd, "ID OWNER FOR CREATED EXPIRES ROLE CAMERAS", (*credstore.Snapshot).Tokens,
		func(t credstore.Token) []string {
			expires := "never"
			if !t.Expires.IsZero() {
				expires = t.Expires.Format(time.RFC3339)
			}
			return []string{t.ID, t.Owner, t.Name, t.Created.Format(time.RFC3339), expires,
				cmp.Or(string(t.Role), "user's"), cmp.Or(strings.Join(t.Cameras, ","), "user's")}
		})
}

type tokenRemove struct {
	ID string `arg:"" name:"id" help:"ID of the token, as \"token list\" prints it. A token is bt_ID_..."`
}

// Run removes the token.
func (c *tokenRemove) Run(cmd *cmdContext) error {
	return cmd.edit(func(doc *credstore.File) error { return doc.RemoveToken(c.ID) }, "token removed", "token.remove",
		"id", c.ID)
}

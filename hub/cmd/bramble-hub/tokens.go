package main

import (
	"strings"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/hub/internal/permission"
	"github.com/bramble-cam/bramble/internal/secret"
)

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
	cmd.log.Info("token added; it is shown only once", "audit", "token.add", "id", token.ID, "owner", c.Owner, "for",
		c.Name,
		"role", c.Role, "cameras", strings.Join(c.Cameras, ","))
	return cmd.print(text.Reveal())
}

type tokenList struct{}

// Run lists the tokens.
func (*tokenList) Run(cmd *cmdContext) error {
	b, err := cmd.snapshot()
	if err != nil {
		return err
	}
	var rows [][]string
	for _, t := range b.Tokens() {
		expires := "never"
		if !t.Expires.IsZero() {
			expires = t.Expires.Format(time.RFC3339)
		}
		rows = append(rows, []string{
			t.ID, t.Owner, t.Name, t.Created.Format(time.RFC3339), expires,
			orAll(string(t.Role)), orAll(strings.Join(t.Cameras, ",")),
		})
	}
	return cmd.table("ID OWNER FOR CREATED EXPIRES ROLE CAMERAS", rows)
}

// orAll fills the table cell of a token that has no restriction.
func orAll(narrowed string) string {
	if narrowed == "" {
		return "user's"
	}
	return narrowed
}

type tokenRemove struct {
	ID string `arg:"" name:"id" help:"ID of the token, as \"token list\" prints it. A token is bt_ID_..."`
}

// Run removes the token.
func (c *tokenRemove) Run(cmd *cmdContext) error {
	return cmd.edit(func(doc *credstore.File) error { return doc.RemoveToken(c.ID) }, "token removed", "token.remove",
		"id", c.ID)
}

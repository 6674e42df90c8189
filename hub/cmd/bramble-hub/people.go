package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/access"
	"github.com/bramble-cam/bramble/internal/secret"
)

// userCommands are bramble-hub user ...
type userCommands struct {
	scope `embed:""`

	Add    userAdd    `cmd:"" help:"Add a user, for example: bramble-hub user add anna --cameras 'porch=operator,lab-*,@greenhouse'"`
	List   userList   `cmd:"" help:"List the users."`
	Set    userSet    `cmd:"" help:"Change role or cameras, or disable, for example: bramble-hub user set anna --no-enabled"`
	Passwd userPasswd `cmd:"" help:"Change a password, which ends the user's sessions."`
	Remove userRemove `cmd:"" help:"Remove a user, with sessions and tokens."`
}

type userAdd struct {
	Name          string   `arg:"" help:"1 to 63 of a-z, 0-9, '-', '_', '.' and '@'."`
	Role          string   `help:"${enum} (${default})." enum:"viewer,operator,admin" default:"viewer" env:"-"`
	Cameras       []string `help:"Camera IDs, patterns with *, or @GROUP, joined by commas; =viewer or =operator after one sets the role for it (${default})." default:"*" placeholder:"GRANTS" env:"-"`
	PasswordStdin bool     `help:"Read the password from standard input." env:"-"`
}

// Run adds the user.
func (c *userAdd) Run(d *desk) error {
	if err := access.ValidateName(c.Name); err != nil { // before somebody thinks of a password
		return err
	}
	password, err := d.password(c.PasswordStdin)
	if err != nil {
		return err
	}
	return d.edit(func(doc *access.File) error { return doc.AddUser(c.Name, access.Role(c.Role), c.Cameras, password) },
		"user added", "user.add", "name", c.Name, "role", c.Role, "cameras", strings.Join(c.Cameras, ","))
}

type userList struct{}

// Run lists the users.
func (*userList) Run(d *desk) error {
	b, err := d.book()
	if err != nil {
		return err
	}
	var rows [][]string
	for _, u := range b.Users() {
		rows = append(rows, []string{u.Name, string(u.Role), strconv.FormatBool(u.Enabled), strings.Join(u.Cameras, ",")})
	}
	return d.table("NAME ROLE ENABLED CAMERAS", rows)
}

type userSet struct {
	Name    string   `arg:"" help:"Whom to change."`
	Role    string   `help:"viewer, operator or admin." env:"-"`
	Cameras []string `help:"Camera IDs, patterns with *, or @GROUP, joined by commas; =viewer or =operator after one sets the role for it." placeholder:"GRANTS" env:"-"`
	Enabled *bool    `help:"Whether the user may log in." negatable:"" env:"-"`
}

// Run changes the user.
func (c *userSet) Run(d *desk) error {
	return d.edit(func(doc *access.File) error {
		return doc.SetUser(c.Name, access.Role(c.Role), c.Cameras, c.Enabled)
	},
		"user changed", "user.change", "name", c.Name)
}

type userPasswd struct {
	Name          string `arg:"" help:"Whose password."`
	PasswordStdin bool   `help:"Read the password from standard input." env:"-"`
}

// Run changes the password.
func (c *userPasswd) Run(d *desk) error {
	password, err := d.password(c.PasswordStdin)
	if err != nil {
		return err
	}
	return d.edit(func(doc *access.File) error { return doc.SetPassword(c.Name, password) }, "password changed", "user.passwd", "name", c.Name)
}

type userRemove struct {
	Name string `arg:"" help:"Whom to remove."`
}

// Run removes the user.
func (c *userRemove) Run(d *desk) error {
	return d.edit(func(doc *access.File) error { return doc.RemoveUser(c.Name) }, "user removed", "user.remove", "name", c.Name)
}

// tokenCommands are bramble-hub token ...
type tokenCommands struct {
	scope `embed:""`

	Add    tokenAdd    `cmd:"" help:"Make an API token and print it, for example: bramble-hub token add anna backup --expires 720h"`
	List   tokenList   `cmd:"" help:"List the tokens."`
	Remove tokenRemove `cmd:"" help:"Remove a token."`
}

type tokenAdd struct {
	Owner   string        `arg:"" help:"The user for whom it acts."`
	Name    string        `arg:"" help:"What it is for."`
	Expires time.Duration `help:"How long it is good for (default: for ever)." placeholder:"TIME" env:"-"`
	Role    string        `help:"Highest role of the token: ${enum} (default: the user's)." enum:"viewer,operator,admin," default:"" env:"-"`
	Cameras []string      `help:"Cameras of the user that the token covers: IDs, patterns with *, or @GROUP, joined by commas (default: all)." placeholder:"GLOBS" env:"-"`
}

// Run makes the token.
func (c *tokenAdd) Run(d *desk) error {
	var token access.Token
	var text secret.Text
	err := d.change(func(doc *access.File) (err error) {
		narrow := access.Token{Owner: c.Owner, Name: c.Name, Role: access.Role(c.Role), Cameras: c.Cameras}
		token, text, err = doc.AddNarrowToken(narrow, c.Expires)
		return err
	})
	if err != nil {
		return err
	}
	d.log.Info("token added; it is shown only once", "audit", "token.add", "id", token.ID, "owner", c.Owner, "for", c.Name,
		"role", c.Role, "cameras", strings.Join(c.Cameras, ","))
	return d.print(text.Reveal())
}

type tokenList struct{}

// Run lists the tokens.
func (*tokenList) Run(d *desk) error {
	b, err := d.book()
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
	return d.table("ID OWNER FOR CREATED EXPIRES ROLE CAMERAS", rows)
}

// orAll fills the table cell of a token that has no restriction.
func orAll(narrowed string) string {
	if narrowed == "" {
		return "user's"
	}
	return narrowed
}

type tokenRemove struct {
	ID string `arg:"" name:"id" help:"As \"token list\" shows it: a token itself is bt_ID_..."`
}

// Run removes the token.
func (c *tokenRemove) Run(d *desk) error {
	return d.edit(func(doc *access.File) error { return doc.RemoveToken(c.ID) }, "token removed", "token.remove", "id", c.ID)
}

// linkCommand is bramble-hub link.
type linkCommand struct {
	scope `embed:""`

	Camera    string        `arg:"" optional:"" help:"The camera."`
	Expires   time.Duration `help:"How long it is good for (${default})." default:"24h" env:"-"`
	Format    []string      `help:"What it opens, joined by commas: mjpeg, jpeg, h264, mp4 (${default})." default:"mjpeg" env:"-"`
	RevokeAll bool          `help:"End all links, and all sessions, by a new key." env:"-"`
}

// Run prints a URL for each format.
func (c *linkCommand) Run(d *desk) error {
	if c.RevokeAll {
		return d.edit(func(doc *access.File) error { doc.RenewLinkKey(); return nil }, "all links and all sessions have ended", "key.change")
	}
	if c.Camera == "" {
		return fmt.Errorf("which camera? for example: bramble-hub link porch --expires 24h")
	}
	if c.Expires <= 0 {
		return fmt.Errorf("--expires %v: give a time such as 24h", c.Expires)
	}
	// The change makes the file with its key, if there is none.
	if err := d.change(func(*access.File) error { return nil }); err != nil {
		return err
	}
	b, err := d.book()
	if err != nil {
		return err
	}
	link := access.Link{Camera: c.Camera, Formats: c.Format, Expires: time.Now().Add(c.Expires)}
	text, err := b.Sign(link)
	if err != nil {
		return err
	}
	d.log.Info("link signed", "audit", "link.add", "camera", c.Camera, "formats", strings.Join(c.Format, ","), "expires", link.Expires.UTC().Format(time.RFC3339))
	page := d.pageURL()
	for _, format := range c.Format {
		url := page + "cam/" + c.Camera + "." + format + "?" + access.LinkParameter + "=" + text.Reveal()
		if err := d.print(url); err != nil {
			return err
		}
	}
	return nil
}

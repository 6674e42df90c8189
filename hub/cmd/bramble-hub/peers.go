package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/bramble-cam/bramble/hub/internal/access"
	"github.com/bramble-cam/bramble/internal/natsconn/credential"
)

// agentCommands are bramble-hub agent ...
type agentCommands struct {
	scope `embed:""`

	Add    agentAdd    `cmd:"" help:"Add an agent, and print its join command and its token, for example: bramble-hub agent add pi1 --cameras porch,garden"`
	List   agentList   `cmd:"" help:"List the agents."`
	Remove agentRemove `cmd:"" help:"Remove an agent: its connection is cut, its credential opens nothing any more."`
}

type agentAdd struct {
	Name    string   `arg:"" help:"1 to 63 of a-z, 0-9, '-', '_', '.' and '@'."`
	Cameras []string `help:"Ids of the cameras that it may publish, joined by commas (default: the one of this name)." placeholder:"IDS" env:"-"`
}

// Run prints the agent's join command, and on its own line the token that this command asks for. On a command line,
// sudo's log, the shell's history and the list of processes would reveal it.
func (c *agentAdd) Run(d *desk) error {
	if len(c.Cameras) == 0 {
		c.Cameras = []string{c.Name}
	}
	trusts, err := d.trustFlags()
	if err != nil {
		return err
	}
	var cred credential.Credential
	err = d.edit(func(doc *access.File) (err error) { cred, err = doc.AddAgent(c.Name, c.Cameras); return err },
		"agent added: run this line on the host with the cameras",
		"agent.add", "name", c.Name, "cameras", strings.Join(c.Cameras, ","))
	if err != nil {
		return err
	}
	url, note := d.natsURL()
	if note != "" {
		d.log.Warn(note, "public", cred.Public())
	}
	line := "sudo bramble-agent join " + url + trusts
	for _, camera := range c.Cameras {
		line += " --camera " + camera
	}
	if err := d.print(line); err != nil {
		return err
	}
	_, _ = fmt.Fprintln(d.stderr, "The command asks for this token, which is shown only once:") // a courtesy
	return d.print(cred.Seed().Reveal())
}

type agentList struct{}

// Run lists the agents.
func (*agentList) Run(d *desk) error {
	b, err := d.book()
	if err != nil {
		return err
	}
	var rows [][]string
	for _, a := range b.Agents() {
		rows = append(rows, []string{a.Name, strings.Join(a.Cameras, ","), a.Key})
	}
	return d.table("NAME CAMERAS KEY", rows)
}

type agentRemove struct {
	Name string `arg:"" help:"Which one."`
}

// Run removes the agent.
func (c *agentRemove) Run(d *desk) error {
	return d.edit(func(doc *access.File) error { return doc.RemoveAgent(c.Name) }, "agent removed", "agent.remove", "name", c.Name)
}

// consumerCommands are bramble-hub consumer ...
type consumerCommands struct {
	scope `embed:""`

	Add    consumerAdd    `cmd:"" help:"Let a consumer in and print its credential, for example: bramble-hub consumer add detector --cameras 'lab-*'"`
	List   consumerList   `cmd:"" help:"List the consumers."`
	Remove consumerRemove `cmd:"" help:"Remove a consumer: its connection is cut, its credential opens nothing any more."`
}

type consumerAdd struct {
	Name    string   `arg:"" help:"1 to 63 of a-z, 0-9, '-', '_', '.' and '@'."`
	Cameras []string `help:"Camera IDs, patterns with *, or @GROUP, joined by commas." placeholder:"GLOBS" required:"" env:"-"`
}

// Run prints the credential.
func (c *consumerAdd) Run(d *desk) error {
	var cred credential.Credential
	err := d.edit(func(doc *access.File) (err error) { cred, err = doc.AddConsumer(c.Name, c.Cameras); return err },
		"consumer added; its credential is shown this once", "consumer.add", "name", c.Name, "cameras", strings.Join(c.Cameras, ","))
	if err != nil {
		return err
	}
	url, _ := d.natsURL()
	example := "nats sub -s " + url + " cam.CAMERA.jpeg --nkey FILE-WITH-CREDENTIAL --inbox-prefix " + credential.InboxPrefix(cred.Public())
	if strings.HasPrefix(url, "tls://") {
		example += " --tlsca COPY-OF-" + filepath.Base(d.settings.NATSTLSCert) // nats has no pins
	}
	d.log.Info("how it subscribes", "example", example)
	return d.print(cred.Seed().Reveal())
}

type consumerList struct{}

// Run lists the consumers.
func (*consumerList) Run(d *desk) error {
	b, err := d.book()
	if err != nil {
		return err
	}
	var rows [][]string
	for _, c := range b.Consumers() {
		rows = append(rows, []string{c.Name, strings.Join(c.Cameras, ","), c.Key})
	}
	return d.table("NAME CAMERAS KEY", rows)
}

type consumerRemove struct {
	Name string `arg:"" help:"Which one."`
}

// Run removes the consumer.
func (c *consumerRemove) Run(d *desk) error {
	return d.edit(func(doc *access.File) error { return doc.RemoveConsumer(c.Name) }, "consumer removed", "consumer.remove", "name", c.Name)
}

package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/internal/natsconn/credential"
)

// agentCommands are bramble-hub agent ...
type agentCommands struct {
	scope `embed:""`

	Add    agentAdd      `cmd:"" help:"Add an agent, and print its join command and token."`
	List   agentList     `cmd:"" help:"List the agents."`
	Remove removeCommand `cmd:"" help:"Remove an agent, end its connection and revoke its credential."`
}

type agentAdd struct {
	Name    string   `arg:"" help:"Name of the agent: 1 to 63 of a-z, 0-9, '-', '_', '.' and '@'."`
	Cameras []string `help:"Camera IDs that it may publish (default: the agent's name)." placeholder:"IDS" env:"-"`
}

// Run prints the agent's join command, and on its own line the token that this command asks for. On a command line,
// sudo's log, the shell's history and the list of processes would reveal it.
func (c *agentAdd) Run(cmd *cmdContext) error {
	if len(c.Cameras) == 0 {
		c.Cameras = []string{c.Name}
	}
	trusts, err := cmd.trustFlags()
	if err != nil {
		return err
	}
	var cred credential.Credential
	err = cmd.edit(func(doc *credstore.File) (err error) { cred, err = doc.AddAgent(c.Name, c.Cameras); return err },
		"agent added: run this line on the host with the cameras",
		"agent.add", "name", c.Name, "cameras", strings.Join(c.Cameras, ","))
	if err != nil {
		return err
	}
	url, note := cmd.natsURL()
	if note != "" {
		cmd.log.Warn(note, "public", cred.Public())
	}
	line := "sudo bramble-agent join " + url + trusts
	for _, camera := range c.Cameras {
		line += " --camera " + camera
	}
	if err := cmd.print(line); err != nil {
		return err
	}
	_, _ = fmt.Fprintln(cmd.stderr, "The command asks for this token, which is shown only once:") // a courtesy
	return cmd.print(cred.Seed().Reveal())
}

type agentList struct{}

// Run lists the agents.
func (*agentList) Run(cmd *cmdContext) error {
	return printTable(cmd, "NAME CAMERAS KEY", (*credstore.Snapshot).Agents, func(a credstore.Agent) []string {
		return []string{a.Name, strings.Join(a.Cameras, ","), a.Key}
	})
}

// consumerCommands are bramble-hub consumer ...
type consumerCommands struct {
	scope `embed:""`

	Add    consumerAdd   `cmd:"" help:"Add a consumer, and print its credential."`
	List   consumerList  `cmd:"" help:"List the consumers."`
	Remove removeCommand `cmd:"" help:"Remove a consumer, end its connection and revoke its credential."`
}

type consumerAdd struct {
	Name    string   `arg:"" help:"Name of the consumer: 1 to 63 of a-z, 0-9, '-', '_', '.' and '@'."`
	Cameras []string `help:"Camera IDs, patterns with * or @GROUP." placeholder:"GLOBS" required:"" env:"-"`
}

// Run prints the credential.
func (c *consumerAdd) Run(cmd *cmdContext) error {
	var cred credential.Credential
	err := cmd.edit(func(doc *credstore.File) (err error) { cred, err = doc.AddConsumer(c.Name, c.Cameras); return err },
		"consumer added; its credential is shown this once", "consumer.add", "name", c.Name, "cameras",
		strings.Join(c.Cameras, ","))
	if err != nil {
		return err
	}
	url, _ := cmd.natsURL()
	example := "nats sub -s " + url + " cam.CAMERA.jpeg --nkey FILE-WITH-CREDENTIAL --inbox-prefix " +
		credential.InboxPrefix(cred.Public())
	if strings.HasPrefix(url, "tls://") {
		example += " --tlsca COPY-OF-" + filepath.Base(cmd.settings.NATSTLSCert) // nats has no pins
	}
	cmd.log.Info("example subscription", "example", example)
	return cmd.print(cred.Seed().Reveal())
}

type consumerList struct{}

// Run lists the consumers.
func (*consumerList) Run(cmd *cmdContext) error {
	return printTable(cmd, "NAME CAMERAS KEY", (*credstore.Snapshot).Consumers, func(c credstore.Consumer) []string {
		return []string{c.Name, strings.Join(c.Cameras, ","), c.Key}
	})
}

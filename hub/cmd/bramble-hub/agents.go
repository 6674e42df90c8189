package main

import (
	"fmt"
	"strings"

	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/internal/natsconn/credential"
)

// agentCommands are bramble-hub agent ...
type agentCommands struct {
	scope `embed:""`

	Add    agentAdd    `cmd:"" help:"Add an agent, and print its join command and token."`
	List   agentList   `cmd:"" help:"List the agents."`
	Remove agentRemove `cmd:"" help:"Remove an agent, end its connection and revoke its credential."`
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
	b, err := cmd.snapshot()
	if err != nil {
		return err
	}
	var rows [][]string
	for _, a := range b.Agents() {
		rows = append(rows, []string{a.Name, strings.Join(a.Cameras, ","), a.Key})
	}
	return cmd.table("NAME CAMERAS KEY", rows)
}

type agentRemove struct {
	Name string `arg:"" help:"Name of the agent."`
}

// Run removes the agent.
func (c *agentRemove) Run(cmd *cmdContext) error {
	return cmd.edit(func(doc *credstore.File) error { return doc.RemoveAgent(c.Name) }, "agent removed", "agent.remove",
		"name", c.Name)
}

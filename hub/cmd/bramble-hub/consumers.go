package main

import (
	"path/filepath"
	"strings"

	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/internal/natsconn/credential"
)

// consumerCommands are bramble-hub consumer ...
type consumerCommands struct {
	scope `embed:""`

	Add    consumerAdd    `cmd:"" help:"Add a consumer, and print its credential."`
	List   consumerList   `cmd:"" help:"List the consumers."`
	Remove consumerRemove `cmd:"" help:"Remove a consumer, end its connection and revoke its credential."`
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
	cmd.log.Info("how it subscribes", "example", example)
	return cmd.print(cred.Seed().Reveal())
}

type consumerList struct{}

// Run lists the consumers.
func (*consumerList) Run(cmd *cmdContext) error {
	b, err := cmd.snapshot()
	if err != nil {
		return err
	}
	var rows [][]string
	for _, c := range b.Consumers() {
		rows = append(rows, []string{c.Name, strings.Join(c.Cameras, ","), c.Key})
	}
	return cmd.table("NAME CAMERAS KEY", rows)
}

type consumerRemove struct {
	Name string `arg:"" help:"Name of the consumer."`
}

// Run removes the consumer.
func (c *consumerRemove) Run(cmd *cmdContext) error {
	return cmd.edit(func(doc *credstore.File) error { return doc.RemoveConsumer(c.Name) }, "consumer removed",
		"consumer.remove", "name", c.Name)
}

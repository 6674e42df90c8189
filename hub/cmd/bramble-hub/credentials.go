package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strconv"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/credkv"
	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/internal/natsconn/credential"
)

// scope is embedded in commands that change the credentials.
type scope struct {
	Local bool `help:"Change only this host's file, and not the bucket of --credentials-kv." env:"-"`
}

func (c *cli) local() bool {
	return c.User.Local || c.Mapping.Local || c.Group.Local || c.Token.Local ||
		c.Link.Local || c.Agent.Local || c.Consumer.Local
}

// bucket returns the settings of the bucket that several hubs share. Without Bucket there is none.
func (s *settings) bucket() (cfg credkv.Config, err error) {
	if s.CredentialsKV == "" {
		if s.CredentialsKVURL != "" || s.KVCredential != "" {
			err = errors.New("--credentials-kv-url and --credentials-kv-credential-file are for a bucket: " +
				"name it with --credentials-kv")
		}
		return cfg, err
	}
	cfg = credkv.Config{URL: s.CredentialsKVURL, Bucket: s.CredentialsKV, Trust: s.natsTrust()}
	if cfg.URL == "" {
		cfg.URL = s.NATSURL
	}
	if cfg.URL == "" {
		return cfg, errors.New("--credentials-kv needs a NATS system with JetStream: give its URL with --credentials-kv-url")
	}
	file := s.KVCredential
	if file == "" {
		file = s.NATSCredentialFile
	}
	if file != "" {
		cfg.Credential, err = credential.ReadFile(file)
	}
	return cfg, err
}

// open connects to the bucket.
func (s *settings) openBucket(log *slog.Logger) (*credkv.Bucket, error) {
	cfg, err := s.bucket()
	if err == nil && cfg.Bucket == "" {
		err = errors.New("no bucket is configured: name it with --credentials-kv, as for the hub")
	}
	if err != nil {
		return nil, err
	}
	cfg.File, cfg.Log = s.Credentials, log
	return credkv.Open(cfg, false)
}

// firstPull fetches credentials for a hub that has none yet. Without them its authentication would be off.
func (s *settings) firstPull(log *slog.Logger) error {
	if s.CredentialsKV == "" {
		return nil
	}
	if _, err := os.Stat(s.Credentials); !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	b, err := s.openBucket(log)
	if err != nil {
		return fmt.Errorf("%s does not exist yet, and it cannot be taken from the bucket: %w", s.Credentials, err)
	}
	defer b.Close()
	if _, err := b.Pull(context.Background(), false); err != nil {
		return fmt.Errorf("%s does not exist yet, and it cannot be taken from the bucket: %w", s.Credentials, err)
	}
	log.Info("credentials taken from the bucket", "audit", "credentials.pull",
		"bucket", s.CredentialsKV, "file", s.Credentials)
	return nil
}

// change changes the credentials: in the bucket and then in the file, or only in the file if there is no bucket. It
// tells the operator when it waits for another command.
func (cmd *cmdContext) change(change func(*credstore.File) error) error {
	if cmd.settings.CredentialsKV == "" || cmd.local {
		return credstore.Editor{Waiting: func(text string) { cmd.log.Warn(text) }}.Edit(cmd.settings.Credentials, change)
	}
	b, err := cmd.settings.openBucket(cmd.log)
	if err == nil {
		defer b.Close()
		err = b.Edit(context.Background(), change)
	}
	if bucketErr := new(credkv.BucketError); errors.As(err, &bucketErr) {
		return fmt.Errorf("%w: nothing was changed, because the hubs would differ; "+
			"try again, or change only this host's file with --local", err)
	}
	return err
}

// credentialsCommands are bramble-hub credentials ...
type credentialsCommands struct {
	Push   credentialsPush   `cmd:"" help:"Copy this host's credentials to the bucket, which is created if needed."`
	Pull   credentialsPull   `cmd:"" help:"Copy the credentials from the bucket to this host."`
	Status credentialsStatus `cmd:"" help:"Compare this host's credentials with the bucket (exit code 1 if they differ)."`
}

type credentialsPush struct {
	Force    bool `help:"Overwrite even if the bucket's credentials are newer or broken." env:"-"`
	Replicas int  `help:"Number of cluster servers that store a new bucket." default:"1" env:"-"`
}

// Run stores the file in the bucket.
func (c *credentialsPush) Run(cmd *cmdContext) error {
	b, err := cmd.settings.openBucket(cmd.log)
	if err != nil {
		return err
	}
	defer b.Close()
	if err := b.Push(context.Background(), c.Replicas, c.Force); err != nil {
		return err
	}
	cmd.log.Info("credentials stored in the bucket", "audit", "credentials.push", "bucket", cmd.settings.CredentialsKV,
		"file", cmd.settings.Credentials)
	return nil
}

type credentialsPull struct {
	Force bool `help:"Overwrite even if the file's credentials are newer or broken." env:"-"`
}

// Run puts the bucket's credentials into the file.
func (c *credentialsPull) Run(cmd *cmdContext) error {
	b, err := cmd.settings.openBucket(cmd.log)
	if err != nil {
		return err
	}
	defer b.Close()
	changed, err := b.Pull(context.Background(), c.Force)
	if err != nil {
		return err
	}
	did := "credentials taken from the bucket"
	if !changed {
		did = "the credentials are already those of the bucket"
	}
	cmd.log.Info(did, "audit", "credentials.pull", "bucket", cmd.settings.CredentialsKV, "file", cmd.settings.Credentials)
	return nil
}

type credentialsStatus struct{}

// Run compares the file with the bucket.
func (*credentialsStatus) Run(cmd *cmdContext) error {
	b, err := cmd.settings.openBucket(cmd.log)
	if err != nil {
		return err
	}
	defer b.Close()
	e, err := b.Get(context.Background())
	if err != nil {
		return err
	}
	rows := [][]string{row(cmd.settings.CredentialsKV, e.File)}
	own, err := credstore.Read(cmd.settings.Credentials)
	if err == nil {
		rows = append(rows, row(cmd.settings.Credentials, own))
	}
	if err := errors.Join(err, cmd.table("WHERE REVISION CHANGED USERS", rows)); err != nil {
		return err
	}
	if !own.Equal(e.File) {
		return errors.New("the file and the bucket differ: \"bramble-hub credentials push\" copies the file to the bucket, " +
			"\"bramble-hub credentials pull\" copies the bucket to the file")
	}
	return nil
}

func row(where string, doc *credstore.File) []string {
	return []string{
		where, strconv.FormatUint(doc.Revision, 10), doc.Changed.Format(time.RFC3339), strconv.Itoa(len(doc.Users)),
	}
}

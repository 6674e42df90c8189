package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"

	"github.com/bramble-cam/bramble/hub"
	"github.com/bramble-cam/bramble/hub/internal/certs"
	"github.com/bramble-cam/bramble/hub/internal/doctor"
	"github.com/bramble-cam/bramble/internal/natsconn/tlstrust"
	"github.com/bramble-cam/bramble/internal/setting"
	"github.com/bramble-cam/bramble/shared/subject"
)

// doctorCommand is bramble-hub doctor.
type doctorCommand struct {
	JSON bool `name:"json" help:"Print everything as JSON." env:"-"`
}

// run prints what is found, and returns the exit code: 1 if something fails.
func (d *doctorCommand) run(ctx context.Context, c *cli, stdout, stderr io.Writer) (exitCode int) {
	quiet := slog.New(slog.DiscardHandler) // what goes wrong is among the findings
	cfg, err := c.hub(quiet)
	if err == nil {
		err = hub.Check(cfg)
	}
	space, spaceErr := subject.NewSpace(c.SubjectRoot) // is among err
	if spaceErr != nil {
		space = subject.Space{}
	}
	list := doctor.Examine(ctx, doctor.Config{
		Settings: err, HTTP: c.HTTP, NATS: c.NATS, NATSURL: c.NATSURL, NATSConfigured: c.NATSConfig != "",
		Credential: cfg.NATSCredential, Trust: c.doctorTrust(cfg.NATSTrust), Space: space,
		Credentials: c.Credentials, CredentialsKV: cfg.CredentialsKV, TLSCert: c.TLSCert, TLSKey: c.TLSKey,
		FFmpeg: c.FFmpeg, HWAccel: c.HWAccel, MaxTranscodes: int(c.MaxTranscodes), MaxMemory: c.MaxTranscodeMemory,
		MaxViewers: c.MaxViewers,
		Version:    version, Log: quiet,
	})
	for i := range list {
		list[i].Remedy, list[i].Found = setting.FlagsIn(list[i].Remedy), setting.FlagsIn(list[i].Found)
	}
	if err := d.print(stdout, list); err != nil {
		return failed(stderr, err)
	}
	if doctor.Failed(list) {
		return 1
	}
	return 0
}

// doctorTrust is the trust in the NATS server that doctor connects to. The embedded server is trusted by its own key,
// if this user can read it.
func (c *cli) doctorTrust(external tlstrust.Settings) tlstrust.Settings {
	if c.NATSURL != "" || c.NATSTLSCert == "" {
		return external
	}
	pair, err := certs.Load(c.NATSTLSCert, c.NATSTLSKey, slog.New(slog.DiscardHandler))
	if err != nil {
		return external // the settings' finding has the error
	}
	return tlstrust.Settings{Fingerprints: []string{pair.Fingerprint()}, Prefix: external.Prefix}
}

func (d *doctorCommand) print(w io.Writer, list []doctor.Finding) error {
	if !d.JSON {
		return doctor.Print(w, list)
	}
	text, err := json.MarshalIndent(list, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(w, string(text))
	return err
}

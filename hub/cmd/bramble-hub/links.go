package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/hub/internal/outputs"
	"github.com/bramble-cam/bramble/hub/internal/signedlink"
	"github.com/bramble-cam/bramble/internal/printable"
)

// linkCommand is bramble-hub link.
type linkCommand struct {
	scope `embed:""`

	Camera    string        `arg:"" optional:"" help:"ID of the camera."`
	Expires   time.Duration `help:"How long it is valid." default:"24h" env:"-"`
	Format    []string      `help:"Formats that it shows: extensions of the camera's URL." default:"mjpeg" env:"-"`
	RevokeAll bool          `help:"Replace the key, which ends all links and all sessions." env:"-"`
}

// Run prints a URL for each format.
func (c *linkCommand) Run(cmd *cmdContext) error {
	if c.RevokeAll {
		return cmd.edit(func(doc *credstore.File) error { doc.RenewLinkKey(); return nil },
			"all links and all sessions have ended", "key.change")
	}
	if c.Camera == "" {
		return fmt.Errorf("no camera: name one, for example bramble-hub link porch --expires 24h")
	}
	if c.Expires <= 0 {
		return fmt.Errorf("--expires %v: give a time such as 24h", c.Expires)
	}
	names := outputs.All().Names()
	for _, format := range c.Format {
		if !slices.Contains(names, format) {
			return fmt.Errorf("--format %s is not known: give one or more of %s",
				printable.Short(format), strings.Join(names, ", "))
		}
	}
	// The change makes the file with its key, if there is none.
	if err := cmd.change(func(*credstore.File) error { return nil }); err != nil {
		return err
	}
	b, err := cmd.snapshot()
	if err != nil {
		return err
	}
	link := signedlink.Link{Camera: c.Camera, Formats: c.Format, Expires: time.Now().Add(c.Expires)}
	text, err := signedlink.Sign(b.LinkKey(), link)
	if err != nil {
		return err
	}
	cmd.log.Info("link signed", "audit", "link.add", "camera", c.Camera, "formats", strings.Join(c.Format, ","), "expires",
		link.Expires.UTC().Format(time.RFC3339))
	page := cmd.pageURL()
	for _, format := range c.Format {
		url := page + "cam/" + c.Camera + "." + format + "?" + signedlink.Parameter + "=" + text.Reveal()
		if err := cmd.print(url); err != nil {
			return err
		}
	}
	return nil
}

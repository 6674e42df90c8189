package discover

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bramble-cam/bramble/agent/internal/source"
	"github.com/bramble-cam/bramble/agent/internal/source/v4l2/device"
	"github.com/bramble-cam/bramble/shared/status"
)

// v4l2 returns what is behind the nodes of the machine.
func (f *Finder) v4l2() ([]Camera, error) {
	nodes, err := f.opts.Devices.Nodes()
	noSupport := errors.Is(err, device.ErrNoSupport)
	switch {
	case noSupport:
		nodes = f.nodes()
	case err != nil:
		return nil, fmt.Errorf("looking for V4L2 devices: %w", err)
	}
	slices.SortFunc(nodes, natural)
	known := f.links()
	var list []Camera
	for _, node := range nodes {
		list = append(list, f.describe(node, known, noSupport))
	}
	assignKeys(list)
	distinguishModels(list, known)
	for i := range list {
		if c := &list[i]; c.Skipped == "" && c.Use == nil {
			c.choose()
		}
	}
	oneNodePerCamera(list, known)
	return list, nil
}

// describe asks one node what it is. It does not open what is no camera by its name.
func (f *Finder) describe(node string, known links, noSupport bool) Camera {
	name := f.sysName(node)
	c := Camera{Kind: V4L2, Node: node, Title: cmp.Or(title(name), node)}
	c.stable(known)
	if driver, what, ok := piDriver(name); ok {
		c.Driver, c.Title, c.Skipped = driver, driver, what
		return c
	}
	if noSupport {
		c.Skipped = device.ErrNoSupport.Error()
		return c
	}
	d, err := f.opts.Devices.Describe(node)
	c.Driver, c.Bus = d.Driver, d.Bus
	if d.Card != "" {
		c.Title = title(d.Card)
	}
	for _, pix := range d.Formats {
		c.Formats = append(c.Formats, format(pix))
	}
	for _, ctl := range d.Controls {
		if !ctl.ReadOnly {
			c.Controls = append(c.Controls, control(ctl))
		}
	}
	driver, what, pi := piDriver(d.Driver)
	switch {
	case pi:
		c.Driver, c.Title, c.Skipped = driver, driver, what
	case errors.Is(err, source.ErrBusy):
		c.Use = &Option{
			Source: V4L2 + ":" + c.Stable, What: "whatever it offers",
			Why: "another program has it now, so it could not be asked: free it to see its formats",
		}
	case err != nil:
		c.Skipped = skipReason(err)
	default:
		c.Skipped = noPictures(d)
	}
	return c
}

// assignKeys tells the cameras apart by the port that they are plugged into, without the links: those appear a moment
// later than the node.
func assignKeys(list []Camera) {
	cameras := map[string]int{} // by bus
	for i := range list {
		if c := &list[i]; c.Skipped == "" {
			cameras[c.Bus]++
			c.key = fmt.Sprint(V4L2, " ", c.Bus, " ", cameras[c.Bus])
			if c.Bus == "" {
				c.key = c.Node
			}
		}
	}
}

// stable fills in the links to a node, and picks the one that stays.
func (c *Camera) stable(known links) {
	id, path := known.byID[c.Node], known.byPath[c.Node]
	all := slices.Concat(id, path)
	c.Stable = c.Node
	if len(all) > 0 {
		c.Stable = all[0]
	}
	c.Links = slices.DeleteFunc(all, func(l string) bool { return l == c.Stable })
	if len(path) > 0 {
		c.order = path[0]
	}
}

// distinguishModels lets cameras go by where they are plugged in if their ids do not tell them apart: udev then has
// one link for all of them, which points to whichever was plugged in last.
func distinguishModels(list []Camera, known links) {
	byTitle := map[string][]*Camera{}
	for i := range list {
		if c := &list[i]; c.Skipped == "" {
			byTitle[c.Title] = append(byTitle[c.Title], c)
		}
	}
	for _, group := range byTitle {
		told := !slices.ContainsFunc(group, func(c *Camera) bool { return len(known.byID[c.Node]) == 0 })
		for _, c := range group {
			path := known.byPath[c.Node]
			if told || len(group) == 1 || len(path) == 0 {
				continue
			}
			c.Links = slices.DeleteFunc(append(c.Links, c.Stable), func(l string) bool {
				return l == path[0] || l == c.Node
			})
			c.Stable = path[0]
			if c.Use != nil {
				c.Use.Source = V4L2 + ":" + c.Stable
			}
		}
	}
}

// oneNodePerCamera keeps the first usable node of each part of a camera: others have the same pictures in other
// formats.
func oneNodePerCamera(list []Camera, known links) {
	type position struct {
		part  string
		index int
	}
	first := map[string]*Camera{}
	place := func(c *Camera) (p position, ok bool) {
		path := known.byPath[c.Node]
		if c.Use == nil || len(path) == 0 {
			return p, false
		}
		p.part, p.index = function(path[0])
		return p, true
	}
	inOrder := make([]*Camera, 0, len(list))
	for i := range list {
		if _, ok := place(&list[i]); ok {
			inOrder = append(inOrder, &list[i])
		}
	}
	slices.SortFunc(inOrder, func(a, b *Camera) int {
		p, _ := place(a)
		q, _ := place(b)
		return cmp.Or(strings.Compare(p.part, q.part), p.index-q.index)
	})
	for _, c := range inOrder {
		p, _ := place(c)
		if before := first[p.part]; before != nil {
			c.Skipped = fmt.Sprintf("the same camera as %s. To use this node instead: %s", before.Node, c.Use.Source)
			c.Use, c.Alternatives = nil, nil
			continue
		}
		first[p.part] = c
	}
}

// format takes over what a device says of a format.
func format(d device.Format) Format {
	f := Format{Pixel: strings.TrimSpace(d.Pixel.String()), Title: d.Title}
	for _, s := range d.Sizes {
		f.Sizes = append(f.Sizes, Size{Width: s.Width, Height: s.Height, Stepped: s.Stepped, Rates: s.Rates})
	}
	return f
}

// control takes over what a device says of a setting.
func control(c device.Control) status.Control {
	return status.Control{
		Name: c.Name, Type: c.Type, Min: c.Min, Max: c.Max, Step: c.Step, Default: c.Default, Value: c.Value, Menu: c.Menu,
		Inactive: c.Inactive,
	}
}

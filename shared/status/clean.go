package status

import (
	"fmt"

	"github.com/bramble-cam/bramble/shared/printable"
)

// How long texts may be, in bytes. What is longer is cut, except for the instance.
const (
	maxInstance = 128
	maxHost     = 253 // of a name in DNS
	maxVersion  = 64
	maxReason   = 1 << 10
	maxKind     = 32 // of a source or a clock
	maxControl  = 64 // a control's name, or an item of its menu; V4L2 has 32
	maxDrop     = 32 // a reason of drops
)

// clean makes all texts one line of printable characters each, and of a bounded length: they are an agent's words,
// and end on people's terminals and pages. An agent whose texts are too long, such as an old one, goes on to work.
// Only the instance is refused: two of them must not become one.
func (s *Status) clean() error {
	if len(s.Instance) > maxInstance || !printable.Is(s.Instance) {
		return fmt.Errorf("instance %q: at most %d printable characters are allowed",
			printable.Line(s.Instance, maxKind), maxInstance)
	}
	for text, limit := range map[*string]int{
		&s.Host: maxHost, &s.Agent: maxVersion, &s.Reason: maxReason, &s.Warning: maxReason,
		&s.Source: maxKind, &s.Clock.Source: maxKind,
	} {
		*text = printable.Line(*text, limit)
	}
	for name, n := range s.Drops {
		if good := printable.Line(name, maxDrop); good != name {
			delete(s.Drops, name)
			s.Drops[good] += n
		}
	}
	for i := range s.Controls {
		c := &s.Controls[i]
		c.Name, c.Type = printable.Line(c.Name, maxControl), printable.Line(c.Type, maxKind)
		for j := range c.Menu {
			c.Menu[j] = printable.Line(c.Menu[j], maxControl)
		}
	}
	return nil
}

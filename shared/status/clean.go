package status

import (
	"fmt"

	"github.com/bramble-cam/bramble/internal/printable"
)

// How long texts may be, in bytes. Longer texts are cut, except for the instance.
const (
	maxInstance = 128
	maxHost     = 253 // of a name in DNS
	maxVersion  = 64
	maxReason   = 1 << 10
	maxKind     = 32 // of a source or a clock
	maxControl  = 64 // a control's name, or an item of its menu; V4L2 has 32
	maxDrop     = 32 // a reason of drops
)

// clean makes each text one line of printable characters, of a bounded length. The texts come from an agent, and are
// shown on terminals and pages. An agent with longer texts, such as an old one, still works. Only a bad instance is
// refused, because cutting could make two of them equal.
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

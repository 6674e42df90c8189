package device

import (
	"fmt"
	"strings"
)

// Check says why a control cannot take a value; the error wraps ErrValue and names what it takes.
func (c Control) Check(value int64) error {
	switch {
	case c.ReadOnly:
		return fmt.Errorf("%w: %s can only be read", ErrValue, c.Name)
	case c.Type == "bool" && value != 0 && value != 1:
		return fmt.Errorf("%w: %s is 0 or 1, not %d", ErrValue, c.Name, value)
	case c.Type == "menu" && len(c.Menu) > 0 && !c.hasItem(value):
		return fmt.Errorf("%w: %s is one of %s, not %d", ErrValue, c.Name, c.items(), value)
	case value < c.Min || value > c.Max:
		return fmt.Errorf("%w: %s is %d to %d, not %d", ErrValue, c.Name, c.Min, c.Max, value)
	}
	return nil
}

func (c Control) hasItem(value int64) bool {
	i := value - c.Min
	return i >= 0 && i < int64(len(c.Menu)) && c.Menu[i] != ""
}

// items lists a menu: "0 (Disabled), 1 (50 Hz)".
func (c Control) items() string {
	var list []string
	for i, name := range c.Menu {
		if name != "" {
			list = append(list, fmt.Sprintf("%d (%s)", c.Min+int64(i), name))
		}
	}
	return strings.Join(list, ", ")
}

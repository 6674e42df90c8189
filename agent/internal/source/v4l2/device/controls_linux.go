//go:build linux && cgo

package device

import (
	"errors"
	"fmt"
	"strings"

	"github.com/vladimirvivien/go4vl/v4l2"
	"golang.org/x/sys/unix"

	"github.com/bramble-cam/bramble/agent/internal/source"
)

// forceKeyFrame is V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME.
const forceKeyFrame = 0x009909e5

// Controls returns the controls with their values now: numbers, switches, menus and buttons. Others, such as strings
// and arrays, are left out.
func (d *platform) Controls() ([]Control, error) {
	var list []Control
	err := d.use(func() (err error) {
		if list, err = controls(d.fd); err != nil {
			return d.fault("list controls", err)
		}
		return nil
	})
	return list, err
}

// SetControl sets a control by its name; the value of a button does not matter. The error wraps source.ErrNoControl
// or ErrValue and names what there is.
func (d *platform) SetControl(name string, value int64) error {
	return d.use(func() error {
		var names []string
		list, err := queryControls(d.fd)
		if err != nil {
			return d.fault("list controls", err)
		}
		for _, c := range list {
			if c.Name == name {
				return d.set(c, value)
			}
			names = append(names, c.Name)
		}
		if len(names) == 0 {
			return fmt.Errorf("%w: %s: %q: it has none at all", source.ErrNoControl, d.path, name)
		}
		return fmt.Errorf("%w: %s: %q; it has %s", source.ErrNoControl, d.path, name, strings.Join(names, ", "))
	})
}

// RequestKeyFrame asks the encoder for a key frame; source.ErrNoControl if it takes no such wishes.
func (d *platform) RequestKeyFrame() error {
	return d.use(func() error {
		arg := &cControl{id: forceKeyFrame}
		err := ioctl(d.fd, vidiocQueryCtrl, arg)
		switch {
		case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOTTY), err == nil && arg.flags&ctrlDisabled != 0:
			return fmt.Errorf("%w: %s: key frames on request", source.ErrNoControl, d.path)
		case err != nil:
			return d.fault("request a key frame", err)
		}
		return d.set(makeControl(arg), 0)
	})
}

// set runs below steady.
func (d *platform) set(c Control, value int64) error {
	if c.Type == "button" {
		value = 0
	}
	if c.Type == "menu" {
		c.Menu = menu(d.fd, c)
	}
	if err := c.Check(value); err != nil {
		return fmt.Errorf("%w: %s", err, d.path)
	}
	err := v4l2.SetControlValue(uintptr(d.fd), c.ID, v4l2.CtrlValue(value))
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EBUSY), errors.Is(err, unix.ERANGE),
		errors.Is(err, v4l2.ErrorBadArgument):
		return fmt.Errorf("%w: %s: %s=%d: %w; another control may decide, as an automatic one does over its manual one",
			ErrValue, d.path, c.Name, value, err)
	}
	return d.fault(fmt.Sprintf("set %s to %d", c.Name, value), err)
}

// controls lists the controls with values and menus.
func controls(fd int) ([]Control, error) {
	list, err := queryControls(fd)
	if err != nil {
		return nil, err
	}
	for i := range list {
		c := &list[i]
		if c.Type == "menu" {
			c.Menu = menu(fd, *c)
		}
		if c.Type == "button" {
			continue
		}
		value, err := v4l2.GetControlValue(uintptr(fd), c.ID)
		if err != nil { // write-only, or a device that answers for this one not now: the others still count
			if !alive(fd) {
				return nil, err
			}
			continue
		}
		c.Value = int64(value)
	}
	return list, nil
}

// queryControls lists the controls without values and menus.
func queryControls(fd int) ([]Control, error) {
	var list []Control
	for id := cUint(0); ; {
		arg := &cControl{id: id | ctrlNext}
		err := ioctl(fd, vidiocQueryCtrl, arg)
		switch {
		case err == nil:
		case errors.Is(err, unix.ENODEV), errors.Is(err, unix.ENXIO), errors.Is(err, unix.EIO) && len(list) == 0:
			return nil, err
		default: // the end, or a camera that fails at one control: those before it count
			return list, nil
		}
		id = arg.id
		if c := makeControl(arg); c.Type != "" && arg.flags&ctrlDisabled == 0 {
			list = append(list, c)
		}
	}
}

func makeControl(arg *cControl) Control {
	c := Control{
		ID: uint32(arg.id), Name: controlName(text(arg.name[:])),
		Min: int64(arg.minimum), Max: int64(arg.maximum), Step: int64(arg.step), Default: int64(arg.default_value),
		ReadOnly: arg.flags&ctrlReadOnly != 0, Inactive: arg.flags&ctrlInactive != 0,
	}
	switch v4l2.CtrlType(arg._type) {
	case v4l2.CtrlTypeInt:
		c.Type = "int"
	case v4l2.CtrlTypeBool:
		c.Type = "bool"
	case v4l2.CtrlTypeMenu, v4l2.CtrlTypeIntegerMenu:
		c.Type = "menu"
	case v4l2.CtrlTypeButton:
		c.Type = "button"
	}
	return c
}

// menu lists the items from c.Min on, "" where there is none.
func menu(fd int, c Control) []string {
	info, err := v4l2.QueryControlInfo(uintptr(fd), c.ID)
	if err != nil {
		return nil
	}
	items, err := info.GetMenuItems()
	if err != nil {
		return nil
	}
	list := make([]string, 0, len(items))
	for _, item := range items {
		for int64(len(list)) < int64(item.Index)-c.Min {
			list = append(list, "")
		}
		list = append(list, item.Name)
	}
	return list
}

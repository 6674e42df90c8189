package discover

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// links are what udev made of the nodes: names that do not depend on the order of plugging.
type links struct {
	byID   map[string][]string // by node, sorted
	byPath map[string][]string // by node, sorted
}

func (f *Finder) links() links {
	return links{f.readLinks("/dev/v4l/by-id"), f.readLinks("/dev/v4l/by-path")}
}

// readLinks returns the links of a folder by what they point to. Without udev there is no folder, and that is no error.
func (f *Finder) readLinks(dir string) map[string][]string {
	list := map[string][]string{}
	entries, _ := os.ReadDir(f.host(dir)) // sorted by name
	for _, e := range entries {
		target, err := os.Readlink(f.host(filepath.Join(dir, e.Name())))
		if err != nil {
			continue
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(dir, target)
		}
		list[target] = append(list[target], filepath.Join(dir, e.Name()))
	}
	return list
}

// host returns where a path of the machine is under Options.Root.
func (f *Finder) host(path string) string { return filepath.Join(f.opts.Root, path) }

// nodes returns the video nodes without opening any.
func (f *Finder) nodes() []string {
	entries, _ := os.ReadDir(f.host("/dev"))
	var list []string
	for _, e := range entries {
		if n, ok := strings.CutPrefix(e.Name(), "video"); ok {
			if _, err := strconv.Atoi(n); err == nil {
				list = append(list, "/dev/"+e.Name())
			}
		}
	}
	slices.SortFunc(list, natural)
	return list
}

// sysName returns the kernel's name of a node, which needs no permission; "" if there is none.
func (f *Finder) sysName(node string) string {
	text, _ := os.ReadFile(f.host(filepath.Join("/sys/class/video4linux", filepath.Base(node), "name")))
	return strings.TrimSpace(string(text))
}

// fingerprint tells one set of plugged cameras from another. The nodes' permissions are part of it, since udev grants
// them a moment after the node appears.
func (f *Finder) fingerprint() string {
	var b strings.Builder
	for _, node := range f.nodes() {
		if info, err := os.Stat(f.host(node)); err == nil {
			fmt.Fprintln(&b, node, info.Mode())
		}
	}
	entries, _ := os.ReadDir(f.host("/dev/v4l/by-path"))
	for _, e := range entries {
		target, _ := os.Readlink(f.host(filepath.Join("/dev/v4l/by-path", e.Name())))
		fmt.Fprintln(&b, e.Name(), target)
	}
	return b.String() + "end"
}

// settled is true unless a node is brand-new. One from the future is none: the clock of a Pi is set late.
func (f *Finder) settled() bool {
	return !slices.ContainsFunc(f.nodes(), func(node string) bool {
		info, err := os.Stat(f.host(node))
		if err != nil {
			return false
		}
		age := time.Since(info.ModTime())
		return age >= 0 && age < time.Second
	})
}

// function splits a link's name into the part of the camera that it belongs to and its index there: one part of a
// camera may have several nodes.
func function(link string) (part string, index int) {
	part, suffix, ok := strings.Cut(link, "-video-index")
	if !ok {
		return link, 0
	}
	index, _ = strconv.Atoi(suffix)
	return part, index
}

// natural compares texts so that video10 comes after video9.
func natural(a, b string) int {
	for a != "" && b != "" {
		m, restA := digits(a)
		n, restB := digits(b)
		switch {
		case m >= 0 && n >= 0 && m != n:
			return m - n
		case m >= 0 && n >= 0:
			a, b = restA, restB
		case a[0] != b[0]:
			return int(a[0]) - int(b[0])
		default:
			a, b = a[1:], b[1:]
		}
	}
	return len(a) - len(b)
}

// digits cuts a number off the front; it is -1 if there is none, or one too long to be anything but a serial number.
func digits(s string) (n int, rest string) {
	i := 0
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	if i == 0 || i > 9 {
		return -1, s
	}
	n, _ = strconv.Atoi(s[:i])
	return n, s[i:]
}

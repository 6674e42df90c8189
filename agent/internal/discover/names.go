package discover

import (
	"regexp"
	"strconv"
	"strings"
)

const (
	maxHost = 30 // leaves room for the rest in the 63 characters of a camera id
	maxSlug = 28
)

// name gives each camera of list an id.
func (f *Finder) name(list []Camera) {
	taken := map[string]bool{}
	for _, name := range f.names {
		taken[name] = true
	}
	for i := range list {
		c := &list[i]
		if c.Use == nil {
			continue
		}
		if f.names[c.key] == "" {
			base := slug(c.slugSource(), maxSlug)
			if base == "" {
				base = "camera"
			}
			if host := slug(strings.SplitN(f.opts.Host, ".", 2)[0], maxHost); host != "" {
				base = host + "-" + base
			}
			name := base
			for n := 2; taken[name]; n++ {
				name = base + "-" + strconv.Itoa(n)
			}
			f.names[c.key], taken[name] = name, true
		}
		c.Name = f.names[c.key]
	}
}

// slugSource is what a camera's id is made of: the sensor of a Pi camera, for short.
func (c *Camera) slugSource() string {
	if c.Kind == RPiCam {
		return c.Driver
	}
	return c.Title
}

// slug returns text with nothing but a-z, 0-9 and single '-' between them, and at most limit characters, of whole
// words where possible.
func slug(text string, limit int) string {
	s := strings.Trim(regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(strings.ToLower(text), "-"), "-")
	if len(s) <= limit {
		return s
	}
	s = s[:limit+1]
	if i := strings.LastIndexByte(s, '-'); i >= limit/2 {
		return s[:i]
	}
	return strings.Trim(s[:limit], "-")
}

// title returns a card's name as people know it. The kernel cuts names at 31 bytes; many webcams say theirs twice, or
// append USB ids.
func title(card string) string {
	card = strings.TrimSpace(regexp.MustCompile(`\s*\([0-9a-fA-F]{4}:[0-9a-fA-F]{4}\)`).ReplaceAllString(card, ""))
	first, second, ok := strings.Cut(card, ": ")
	if ok && (strings.HasPrefix(first, strings.TrimSpace(second)) || strings.HasPrefix(second, first)) {
		return first
	}
	return strings.TrimRight(card, ": ")
}

package config

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Setting is a key of a configuration file and its value, as YAML takes it.
type Setting struct {
	Key   string
	Value any
}

// Edit returns a configuration file with these settings in it, and everything else as it was, comments included. A setting takes the place of the one that is
// there, or of the commented default. A file that is written in a way that this cannot be done with is an error.
func Edit(text []byte, settings ...Setting) ([]byte, error) {
	want := map[string]any{}
	if err := yaml.Unmarshal(text, &want); err != nil {
		return nil, fmt.Errorf("configuration file: %w", err)
	}
	lines := strings.SplitAfter(string(text), "\n")
	if last := lines[len(lines)-1]; last == "" {
		lines = lines[:len(lines)-1]
	} else {
		lines[len(lines)-1] = last + "\n"
	}
	for _, s := range settings {
		value, err := yaml.Marshal(map[string]any{s.Key: s.Value})
		if err != nil {
			return nil, fmt.Errorf("configuration file: %s: %w", s.Key, err)
		}
		if err := yaml.Unmarshal(value, &want); err != nil {
			return nil, fmt.Errorf("configuration file: %s: %w", s.Key, err)
		}
		from, to := place(lines, s.Key)
		lines = slices.Replace(lines, from, to, string(value))
		lines = strings.SplitAfter(strings.Join(lines, ""), "\n")
		lines = lines[:len(lines)-1]
	}
	out := []byte(strings.Join(lines, ""))
	got := map[string]any{}
	if err := yaml.Unmarshal(out, &got); err != nil || !reflect.DeepEqual(got, want) {
		return nil, fmt.Errorf("configuration file: it is written in a way that no program can change without breaking it: set these keys in it yourself:\n%s", bytes.TrimSpace(mustYAML(settings)))
	}
	return out, nil
}

// Has reports whether a configuration file sets a key.
func Has(text []byte, key string) bool {
	lines := strings.SplitAfter(string(text), "\n")
	from, _ := place(lines, key)
	return from < len(lines) && strings.HasPrefix(lines[from], key+":")
}

// place returns the lines that hold the key with its value; else the line of its commented default; else the end.
func place(lines []string, key string) (from, to int) {
	for i, line := range lines {
		if !strings.HasPrefix(line, key+":") {
			continue
		}
		end := i + 1
		for n := end; n < len(lines); n++ { // a value goes on in lines that are indented, or begin the items of a list
			if text := lines[n]; strings.HasPrefix(text, " ") || strings.HasPrefix(text, "-") {
				end = n + 1
			} else if strings.TrimSpace(text) != "" {
				break
			}
		}
		return i, end
	}
	for i, line := range lines {
		if strings.HasPrefix(line, "#"+key+":") {
			return i, i + 1
		}
	}
	return len(lines), len(lines)
}

// mustYAML writes settings that were written before.
func mustYAML(settings []Setting) []byte {
	var out []byte
	for _, s := range settings {
		part, _ := yaml.Marshal(map[string]any{s.Key: s.Value}) // it went well before
		out = append(out, part...)
	}
	return out
}

package config

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// KeyValue is a key of a configuration file and its value, as YAML takes it.
type KeyValue struct {
	Key   string
	Value any
}

// SetKeys returns a configuration file with these settings in it. Everything else stays, comments included. A setting
// replaces the one that is there, or the commented default. It is an error if the file's YAML cannot be changed so.
func SetKeys(text []byte, settings ...KeyValue) ([]byte, error) {
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
		from, to := keyLines(lines, s.Key)
		lines = slices.Replace(lines, from, to, string(value))
		lines = strings.SplitAfter(strings.Join(lines, ""), "\n")
		lines = lines[:len(lines)-1]
	}
	out := []byte(strings.Join(lines, ""))
	got := map[string]any{}
	if err := yaml.Unmarshal(out, &got); err != nil || !reflect.DeepEqual(got, want) {
		return nil, fmt.Errorf("configuration file: it is written in a way that no program can change without breaking it: "+
			"set these keys in it yourself:\n%s", bytes.TrimSpace(encodeYAML(settings)))
	}
	return out, nil
}

// HasKey reports whether a configuration file sets a key.
func HasKey(text []byte, key string) bool {
	lines := strings.SplitAfter(string(text), "\n")
	from, _ := keyLines(lines, key)
	return from < len(lines) && strings.HasPrefix(lines[from], key+":")
}

// keyLines returns the range of lines with the key and its value, or the line of its commented default, or the end.
func keyLines(lines []string, key string) (from, to int) {
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

// encodeYAML formats settings that were encoded before without an error.
func encodeYAML(settings []KeyValue) []byte {
	var out []byte
	for _, s := range settings {
		part, _ := yaml.Marshal(map[string]any{s.Key: s.Value}) // it went well before
		out = append(out, part...)
	}
	return out
}

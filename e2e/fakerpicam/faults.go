package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// faults are what BRAMBLE_FAKE_RPICAM asks for: names with numbers behind colons.
//
//	nocamera      as without a camera
//	busy          as when another process has it
//	memory        as when there is not enough contiguous memory for the buffers
//	slowstart:MS  MS milliseconds until the first frame
//	fast          no pause between frames
//	exit:N        after N frames it gives up with a message
//	crash:N       after N frames and a half it is aborted
//	hang:N        after N frames nothing more; SIGINT is not noticed, as in the original
//	timeout:N     after N frames "Device timeout detected" for ever; SIGINT is not noticed, as in the original
//	deaf          ignores SIGINT
//	jump:N:MS     before frame N (from 0) the clock is set by MS milliseconds
//	header        the first parameter sets are an output of their own, with a time of its own
//	mute:N        from frame N on no times are written
//	double:N      frame N gets two times
//	garble:N      frame N gets a time that is no number
type faults map[string][]int

func parseFaults(s string) (faults, error) {
	arguments := map[string]int{
		"nocamera": 0, "busy": 0, "memory": 0, "slowstart": 1, "fast": 0, "exit": 1, "crash": 1, "hang": 1, "timeout": 1,
		"deaf": 0, "jump": 2, "header": 0, "mute": 1, "double": 1, "garble": 1,
	}
	f := faults{}
	for _, word := range strings.FieldsFunc(s, func(r rune) bool { return r == ',' }) {
		parts := strings.Split(word, ":")
		want, ok := arguments[parts[0]]
		if !ok || want != len(parts)-1 {
			return nil, fmt.Errorf("BRAMBLE_FAKE_RPICAM: %q is no fault or has not the right number of numbers: see faults.go",
				word)
		}
		f[parts[0]] = []int{}
		for _, p := range parts[1:] {
			n, err := strconv.Atoi(p)
			if err != nil {
				return nil, fmt.Errorf("BRAMBLE_FAKE_RPICAM: %s: %w", word, err)
			}
			f[parts[0]] = append(f[parts[0]], n)
		}
	}
	return f, nil
}

func (f faults) has(name string) bool { return f[name] != nil }

// at is true when it is frame n's turn.
func (f faults) at(name string, n int) bool { return f.has(name) && slices.Index(f[name], n) == 0 }

// from is true for frame n and later ones.
func (f faults) from(name string, n int) bool { return f.has(name) && n >= f[name][0] }

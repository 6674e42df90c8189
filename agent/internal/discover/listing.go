package discover

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// listed is one camera of rpicam-hello --list-cameras.
type listed struct {
	index  int
	sensor string // for example imx708_wide
	id     string // libcamera's, for example /base/soc/i2c0mux/i2c@1/imx708@1a
	modes  []Format
}

// parseListing reads what rpicam-hello --list-cameras prints. What it does not know it passes over: log lines,
// controls (-v), an error behind the list.
//
//	0 : imx219 [3280x2464 10-bit RGGB] (/base/soc/i2c0mux/i2c@1/imx219@10)
//	    Modes: 'SRGGB10_CSI2P' : 640x480 [206.65 fps - (1000, 752)/1280x960 crop]
//	                             1640x1232 [41.85 fps - (0, 0)/3280x2464 crop]
//	           'SRGGB8' : 640x480 [206.65 fps - (1000, 752)/1280x960 crop]
//
// Before July 2022 sizes stood side by side without rates; before July 2023 the size of the sensor stood alone.
func parseListing(text string) []listed {
	camera := regexp.MustCompile(`^\s*(\d+) : (.+?)(?: \[[^\]]*| )?\]? \((\S+)\)\s*$`)
	pixel := regexp.MustCompile(`'([^']+)' : `)
	mode := regexp.MustCompile(`(\d+)x(\d+)(?: \[([^ \]]+) fps[^\]]*\])?`)
	var list []listed
	for line := range strings.Lines(text) {
		if m := camera.FindStringSubmatch(line); m != nil {
			index, err := strconv.Atoi(m[1])
			if err == nil {
				list = append(list, listed{index: index, sensor: m[2], id: m[3]})
			}
			continue
		}
		if len(list) == 0 {
			continue
		}
		cam := &list[len(list)-1]
		if m := pixel.FindStringSubmatch(line); m != nil {
			cam.modes = append(cam.modes, Format{Pixel: m[1]})
			_, line, _ = strings.Cut(line, m[0])
		}
		if len(cam.modes) == 0 || strings.Trim(line, " 0123456789") == "" || !mode.MatchString(line) ||
			!startsWithDigit(line) {
			continue
		}
		last := &cam.modes[len(cam.modes)-1]
		for _, m := range mode.FindAllStringSubmatch(line, -1) {
			last.Sizes = append(last.Sizes, sensorMode(m[1], m[2], m[3]))
		}
	}
	for _, cam := range list {
		for _, m := range cam.modes {
			slices.SortStableFunc(m.Sizes, func(a, b Size) int { return cmp.Compare(area(b), area(a)) })
		}
	}
	return list
}

func startsWithDigit(line string) bool {
	line = strings.TrimLeft(line, " ")
	return line != "" && line[0] >= '0' && line[0] <= '9'
}

// sensorMode takes numbers as they were matched. A rate that libcamera does not know is "nan".
func sensorMode(width, height, fps string) (s Size) {
	s.Width, _ = strconv.Atoi(width)
	s.Height, _ = strconv.Atoi(height)
	if rate, err := strconv.ParseFloat(fps, 64); err == nil && rate > 0 && rate < 10_000 {
		s.Rates = []float64{rate}
	}
	return s
}

// sizes returns the sizes of all modes.
func (l listed) sizes() (list []Size) {
	for _, m := range l.modes {
		list = append(list, m.Sizes...)
	}
	return list
}

// sensorTitle names the camera that a sensor is sold in.
func sensorTitle(sensor string) string {
	model, variant, _ := strings.Cut(sensor, "_")
	product, ok := map[string]string{
		"ov5647": "Camera Module 1", "imx219": "Camera Module 2", "imx708": "Camera Module 3",
		"imx477": "HQ Camera", "imx296": "Global Shutter Camera", "imx500": "AI Camera",
	}[model]
	if !ok {
		return "Raspberry Pi camera " + sensor
	}
	for _, v := range []struct{ word, title string }{{"wide", " Wide"}, {"noir", " NoIR"}} {
		if slices.Contains(strings.Split(variant, "_"), v.word) {
			product += v.title
		}
	}
	return "Raspberry Pi " + product + " (" + sensor + ")"
}

// lastLine returns the last line that says anything.
func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}

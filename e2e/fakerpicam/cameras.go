package main

import (
	"fmt"
	"strings"
)

// sensor is what --list-cameras says of a camera.
type sensor struct {
	size, bits, order, id string
	modes                 []sensorModes
}

// sensorModes are the sizes of one raw format, each with its rate and crop.
type sensorModes struct {
	format string
	sizes  []string
}

// sensors are those that come with Raspberry Pi's camera modules 3 and 1.
func sensors() map[string]sensor {
	return map[string]sensor{
		"imx708": {"4608x2592", "10-bit", "RGGB", "/base/axi/pcie@1000120000/rp1/i2c@88000/imx708@1a", []sensorModes{
			{"SRGGB10_CSI2P", []string{
				"1536x864 [120.13 fps - (768, 432)/3072x1728 crop]",
				"2304x1296 [56.03 fps - (0, 0)/4608x2592 crop]",
				"4608x2592 [14.35 fps - (0, 0)/4608x2592 crop]",
			}},
		}},
		"ov5647": {"2592x1944", "10-bit", "GBRG", "/base/axi/pcie@1000120000/rp1/i2c@80000/ov5647@36", []sensorModes{
			{"SGBRG10_CSI2P", []string{
				"640x480 [58.92 fps - (16, 0)/2560x1920 crop]",
				"1296x972 [46.34 fps - (0, 0)/2592x1944 crop]",
				"1920x1080 [32.81 fps - (348, 434)/1928x1080 crop]",
				"2592x1944 [15.63 fps - (0, 0)/2592x1944 crop]",
			}},
		}},
	}
}

func cameraID(model string) string {
	if s, ok := sensors()[model]; ok {
		return s.id
	}
	return "/base/soc/i2c0mux/i2c@1/" + model + "@10"
}

// listCameras is the output of --list-cameras. A model that sensors does not know gets modes of the older sort.
func listCameras(models []string) string {
	if len(models) == 0 {
		return "No cameras available!\n"
	}
	var out strings.Builder
	out.WriteString("Available cameras\n-----------------\n")
	for n, model := range models {
		s, ok := sensors()[model]
		if !ok {
			s = sensor{"3280x2464", "10-bit", "RGGB", cameraID(model), []sensorModes{
				{"SRGGB8", []string{"640x480 [206.65 fps - (1000, 752)/1280x960 crop]",
					"1640x1232 [41.85 fps - (0, 0)/3280x2464 crop]"}},
				{"SRGGB10_CSI2P", []string{"640x480 [206.65 fps - (1000, 752)/1280x960 crop]",
					"3280x2464 [21.19 fps - (0, 0)/3280x2464 crop]"}},
			}}
		}
		fmt.Fprintf(&out, "%d : %s [%s %s %s] (%s)\n    Modes: ", n, model, s.size, s.bits, s.order, s.id)
		for i, m := range s.modes {
			if i > 0 {
				out.WriteString("           ")
			}
			head := "'" + m.format + "' : "
			out.WriteString(head + strings.Join(m.sizes, "\n"+strings.Repeat(" ", len(head)+11)) + "\n")
		}
		out.WriteString("\n")
	}
	return out.String()
}

package discover

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
)

// target is what to look for among the sizes and rates of a format.
type target struct {
	width, height int
	fps           float64
}

// encodedTarget is for pictures that come encoded; raw for those that must be encoded here, which costs much more.
func encodedTarget() target { return target{1280, 720, 30} }
func rawTarget() target     { return target{640, 480, 10} }

// choose decides how to use a camera with V4L2: JPEGs before H.264, since every viewer can take them from the start,
// and raw pictures last.
func (c *Camera) choose() {
	jpeg, isJPEG := c.format("MJPG", "JPEG")
	h264, isH264 := c.format("H264")
	rawFormat, isRaw := c.format("YUYV", "NV12")
	encoder := "the camera"
	if loopback(c.Driver) {
		encoder = "the program that writes it"
	}
	switch {
	case isJPEG:
		c.use(jpeg, "mjpeg", "MJPEG", encodedTarget(), encoder+" encodes it, so the agent has little to do")
		if isH264 {
			c.addAlternative(h264, "h264", "H.264", encodedTarget(),
				"takes far less of the network; viewers get .h264 and .mp4 in place of .jpeg and .mjpeg")
		}
	case isH264:
		c.use(h264, "h264", "H.264", encodedTarget(), encoder+" encodes it, and offers no MJPEG")
	case isRaw:
		name := map[string]string{"YUYV": "yuyv", "NV12": "nv12"}[rawFormat.Pixel]
		c.use(rawFormat, name, "raw "+rawFormat.Pixel, rawTarget(),
			"it comes as raw pictures only, and the agent makes each a JPEG: some 7 ms of "+
				"processor time for 640x480 on a PC, about twenty times that on a Pi Zero. So it is kept small and slow")
	default:
		c.Skipped = noFormat(c.Formats)
	}
}

func (c *Camera) use(f Format, option, name string, a target, why string) {
	choice := c.choice(f, option, name, a, why)
	c.Use = &choice
}

func (c *Camera) addAlternative(f Format, option, name string, a target, why string) {
	c.Alternatives = append(c.Alternatives, c.choice(f, option, name, a, why))
}

func (c *Camera) choice(f Format, option, name string, a target, why string) Option {
	source, what := fmt.Sprintf("%s:%s#format=%s", V4L2, c.Stable, option), name
	if width, height, fps, ok := pick(f.Sizes, a); ok {
		source += fmt.Sprintf("&size=%dx%d", width, height)
		what += fmt.Sprintf(" %dx%d", width, height)
		if fps > 0 {
			source += "&fps=" + Rate(fps)
			what += ", " + Rate(fps) + " fps"
		}
	}
	return Option{Source: source, What: what, Why: why}
}

// format returns the first format of these that the camera offers.
func (c *Camera) format(pixels ...string) (Format, bool) {
	for _, p := range pixels {
		if i := slices.IndexFunc(c.Formats, func(f Format) bool { return f.Pixel == p }); i >= 0 {
			return c.Formats[i], true
		}
	}
	return Format{}, false
}

// pick returns the size that is aimed at if there is one, else the largest within it, else the smallest; and the best
// rate up to the one that is aimed at, else the lowest, 0 if the driver tells none. It is false if there are no
// sizes.
func pick(sizes []Size, a target) (width, height int, fps float64, ok bool) {
	if len(sizes) == 0 {
		return 0, 0, 0, false
	}
	fits := func(s Size) bool { return s.Width <= a.width && s.Height <= a.height }
	var best Size
	for _, s := range sizes {
		if s.Stepped && s.Width >= a.width && s.Height >= a.height {
			return a.width, a.height, rate(s, a.fps), true
		}
		switch {
		case best.Width == 0,
			fits(s) && (!fits(best) || area(s) > area(best)),
			!fits(s) && !fits(best) && area(s) < area(best),
			s.Width == best.Width && s.Height == best.Height && rate(s, a.fps) > rate(best, a.fps):
			best = s
		}
	}
	return best.Width, best.Height, rate(best, a.fps), true
}

func area(s Size) int { return s.Width * s.Height }

// rate returns the best rate up to fps. Drivers write 30 as 10000000/333333, a little more than 30.
func rate(s Size, fps float64) float64 {
	if len(s.Rates) == 0 {
		return 0
	}
	if s.Range() {
		return min(max(fps, s.Rates[1]), s.Rates[0])
	}
	lowest, best := s.Rates[0], 0.0
	for _, r := range s.Rates {
		lowest = min(lowest, r)
		if r <= fps+0.01 {
			best = max(best, r)
		}
	}
	return cmp.Or(best, lowest)
}

// Range is true if Rates are the two ends of a range: drivers that name two rates by themselves name some that are
// closer together.
func (s Size) Range() bool { return len(s.Rates) == 2 && s.Rates[0] >= 10*s.Rates[1] }

// Rate writes frames per second with at most two decimals.
func Rate(fps float64) string {
	return strconv.FormatFloat(math.Round(fps*100)/100, 'f', -1, 64)
}

package pattern

import (
	"hash/fnv"
	"image/color"
	"math"
)

// theme is the colors of a card. They differ in hue only, in a color space of even lightness (OKLCH), so that every
// card is as legible as any other.
type theme struct {
	top, bottom color.NRGBA // background
	accent      color.NRGBA
	text, faint color.NRGBA
}

// themeOf derives the colors from the camera's name. Twelve hues, 30 degrees apart, can be told apart at a glance.
func themeOf(name string) theme {
	h := fnv.New32a()
	h.Write([]byte(name))
	hue := float64(h.Sum32()%12) * 30
	return theme{
		top:    oklch(0.36, 0.095, hue),
		bottom: oklch(0.17, 0.055, hue-35),
		accent: oklch(0.80, 0.135, hue),
		text:   oklch(0.97, 0.008, hue),
		faint:  oklch(0.72, 0.035, hue),
	}
}

// withAlpha returns c at an opacity of 0 to 1.
func withAlpha(c color.NRGBA, opacity float64) color.NRGBA {
	c.A = uint8(opacity*255 + 0.5)
	return c
}

// between returns the color at 0 (a) to 1 (b) of the way.
func between(a, b color.NRGBA, t float64) color.NRGBA {
	f := func(a, b uint8) uint8 { return uint8(float64(a) + t*(float64(b)-float64(a)) + 0.5) }
	return color.NRGBA{f(a.R, b.R), f(a.G, b.G), f(a.B, b.B), 255}
}

// oklch converts lightness (0..1), chroma and hue (degrees) to sRGB; what lies outside sRGB is clipped. The matrices
// are those of CSS Color Module Level 4, section 9.
func oklch(lightness, chroma, hue float64) color.NRGBA {
	a := chroma * math.Cos(hue*math.Pi/180)
	b := chroma * math.Sin(hue*math.Pi/180)
	cube := func(x float64) float64 { return x * x * x }
	l := cube(lightness + 0.3963377774*a + 0.2158037573*b)
	m := cube(lightness - 0.1055613458*a - 0.0638541728*b)
	s := cube(lightness - 0.0894841775*a - 1.2914855480*b)
	return color.NRGBA{
		R: gamma(+4.0767416621*l - 3.3077115913*m + 0.2309699292*s),
		G: gamma(-1.2684380046*l + 2.6097574011*m - 0.3413193965*s),
		B: gamma(-0.0041960863*l - 0.7034186147*m + 1.7076147010*s),
		A: 255,
	}
}

// gamma turns linear light into an sRGB octet.
func gamma(x float64) uint8 {
	x = min(max(x, 0), 1)
	if x <= 0.0031308 {
		return uint8(x*12.92*255 + 0.5)
	}
	return uint8((1.055*math.Pow(x, 1/2.4)-0.055)*255 + 0.5)
}

package v4l2

import (
	"image"
	"image/jpeg"
	"sync/atomic"
	"time"

	"github.com/bramble-cam/bramble/agent/internal/source"
	"github.com/bramble-cam/bramble/agent/internal/source/v4l2/device"
	"github.com/bramble-cam/bramble/shared/drop"
)

const (
	blackLuma = 32 // mean luma up to which a picture shows nothing: 16 is black, and there is noise

	// lumaStep is how many bytes or lines lie between those that are looked at for the mean luma.
	lumaStep = 16

	// costWeight is how many frames the cost of encoding is averaged over.
	costWeight = 16
)

// rawReader encodes uncompressed pictures to JPEG, in 4:2:0 as image/jpeg does.
type rawReader struct {
	given   device.Negotiated
	drop    func(drop.Reason, uint64)
	quality *atomic.Int32
	cost    *atomic.Int64 // nanoseconds to encode a frame, averaged
	now     func() time.Duration

	img    *image.YCbCr
	out    jpegBuffer
	opts   jpeg.Options
	ranges *ranges

	encoded int64 // frames, up to costWeight
}

func (p *rawReader) onGap() {}

// brightness returns the mean luma.
func (p *rawReader) brightness(data []byte) (level int) {
	stride, pixel := p.stride(), 1
	if p.given.Pixel == device.YUYV {
		pixel = 2
	}
	sum, n := 0, 0
	for y := 0; y < p.given.Height && (y+1)*stride <= len(data); y += lumaStep {
		line := data[y*stride:][:p.given.Width*pixel]
		for x := 0; x < len(line); x += lumaStep { // even, so it is luma in YUYV too
			sum += int(line[x])
			n++
		}
	}
	if n == 0 || sum/n <= blackLuma {
		return 0
	}
	return sum * 16 / n // finer than whole steps
}

func (p *rawReader) read(data []byte) (f source.Frame, ok bool) {
	began := p.now()
	if !p.load(data) {
		p.drop(drop.Decode, 1)
		return source.Frame{}, false
	}
	p.out = p.out[:0]
	p.opts.Quality = defaultQuality
	if q := p.quality.Load(); q > 0 {
		p.opts.Quality = int(q)
	}
	if err := jpeg.Encode(&p.out, p.img, &p.opts); err != nil { // of a picture over 65535 pixels
		p.drop(drop.Decode, 1)
		return source.Frame{}, false
	}
	p.spent(int64(p.now() - began))
	return source.Frame{Data: p.out, Width: p.img.Rect.Dx(), Height: p.img.Rect.Dy()}, true
}

// spent averages over the last frames.
func (p *rawReader) spent(ns int64) {
	p.encoded = min(p.encoded+1, costWeight)
	old := p.cost.Load()
	if p.encoded == 1 {
		old = 0
	}
	p.cost.Store(max(old+(ns-old)/p.encoded, 1))
}

// stride is how many bytes a line of luma has with its padding.
func (p *rawReader) stride() int {
	least := p.given.Width
	if p.given.Pixel == device.YUYV {
		least *= 2
	}
	return max(p.given.Stride, least)
}

// load brings the picture into planes. It reports false if bytes are missing. An odd last column or line has no
// color of its own and is left out.
func (p *rawReader) load(data []byte) bool {
	width, height, stride := p.given.Width&^1, p.given.Height, p.stride()
	if p.given.Pixel == device.NV12 {
		height &^= 1
	}
	if width == 0 || height == 0 {
		return false
	}
	if p.given.Pixel == device.NV12 {
		if len(data) < stride*(p.given.Height+height/2-1)+width {
			return false
		}
		p.plane(width, height, image.YCbCrSubsampleRatio420)
		p.loadNV12(data[:stride*p.given.Height], data[stride*p.given.Height:])
		return true
	}
	if len(data) < stride*(height-1)+2*width {
		return false
	}
	p.plane(width, height, image.YCbCrSubsampleRatio422)
	p.loadYUYV(data)
	return true
}

// plane sees to an image of the size.
func (p *rawReader) plane(width, height int, ratio image.YCbCrSubsampleRatio) {
	if p.img == nil {
		p.img = image.NewYCbCr(image.Rect(0, 0, width, height), ratio)
		p.ranges = newRanges(p.given.FullRange)
	}
}

func (p *rawReader) loadYUYV(data []byte) {
	m, luma, chroma := p.img, &p.ranges.luma, &p.ranges.chroma
	for y := range m.Rect.Dy() {
		line := data[y*p.stride():]
		ys, us, vs := m.Y[y*m.YStride:], m.Cb[y*m.CStride:][:m.CStride], m.Cr[y*m.CStride:][:m.CStride]
		for i := range us {
			from, to := line[4*i:][:4], ys[2*i:][:2]
			to[0], us[i], to[1], vs[i] = luma[from[0]], chroma[from[1]], luma[from[2]], chroma[from[3]]
		}
	}
}

func (p *rawReader) loadNV12(lumas, chromas []byte) {
	m, luma, chroma := p.img, &p.ranges.luma, &p.ranges.chroma
	for y := range m.Rect.Dy() {
		line := lumas[y*p.stride():][:m.YStride]
		for i, to := 0, m.Y[y*m.YStride:][:m.YStride]; i < len(line); i++ {
			to[i] = luma[line[i]]
		}
	}
	for y := range m.Rect.Dy() / 2 {
		line := chromas[y*p.stride():]
		us, vs := m.Cb[y*m.CStride:][:m.CStride], m.Cr[y*m.CStride:][:m.CStride]
		for i := range us {
			from := line[2*i:][:2]
			us[i], vs[i] = chroma[from[0]], chroma[from[1]]
		}
	}
}

// ranges maps the values of a camera to those of JPEG, which has black at 0 and white at 255.
type ranges struct{ luma, chroma [256]byte }

func newRanges(full bool) *ranges {
	r := &ranges{}
	for v := range 256 {
		if full {
			r.luma[v], r.chroma[v] = byte(v), byte(v)
			continue
		}
		// ITU-R BT.601: luma from 16 to 235, chroma from 16 to 240.
		r.luma[v] = byte(min(max((v-16)*255+109, 0)/219, 255))
		r.chroma[v] = byte(min(max((v-16)*255+112, 0)/224, 255))
	}
	return r
}

// jpegBuffer takes what image/jpeg writes; it has the methods without which that would put another buffer in front.
type jpegBuffer []byte

func (b *jpegBuffer) Write(p []byte) (int, error) {
	*b = append(*b, p...)
	return len(p), nil
}

func (b *jpegBuffer) WriteByte(c byte) error {
	*b = append(*b, c)
	return nil
}

// Flush does nothing.
func (b *jpegBuffer) Flush() error { return nil }

package transcode

import (
	"bytes"
	"image"
	"image/jpeg"
	"io"
	"time"

	"golang.org/x/image/draw"
)

// yieldPause is how long the encoding of a picture yields the processor before each part.
const yieldPause = 20 * time.Microsecond

// yielding reads and writes for image/jpeg, in parts of 4 KiB, and pauses before each. Go polls the network when a
// processor is idle, or else after 10 ms. Without the pauses, viewers of a camera's own stream would wait for that,
// several times for each frame.
type yielding struct {
	io.Reader
	io.Writer
	pause func()
}

// Read implements io.Reader.
func (y yielding) Read(b []byte) (int, error) {
	y.pause()
	return y.Reader.Read(b)
}

// Write implements io.Writer.
func (y yielding) Write(b []byte) (int, error) {
	y.pause()
	return y.Writer.Write(b)
}

// reencode makes a JPEG of a JPEG in this process.
func reencode(picture []byte, r rendition, pause func()) (made []byte, width, height int, err error) {
	img, err := jpeg.Decode(yielding{Reader: bytes.NewReader(picture), pause: pause})
	if err != nil {
		return nil, 0, 0, err
	}
	b := img.Bounds()
	if w, h := r.size(b.Dx(), b.Dy()); w != b.Dx() || h != b.Dy() {
		img = shrink(img, w, h)
	}
	if r.Rotate != 0 {
		img = rotate(img, r.Rotate)
	}
	var out bytes.Buffer
	out.Grow(len(picture) / 4)
	if err := jpeg.Encode(yielding{Writer: &out, pause: pause}, img, &jpeg.Options{Quality: r.Quality}); err != nil {
		return nil, 0, 0, err
	}
	return out.Bytes(), img.Bounds().Dx(), img.Bounds().Dy(), nil
}

// shrink scales a picture down by the mean of the pixels that become one. Cameras' pictures are YCbCr: their planes
// are taken as they are, which is quicker than a way through RGB.
func shrink(img image.Image, width, height int) image.Image {
	src, ok := img.(*image.YCbCr)
	if !ok {
		dst := image.NewRGBA(image.Rect(0, 0, width, height))
		draw.ApproxBiLinear.Scale(dst, dst.Rect, img, img.Bounds(), draw.Src, nil)
		return dst
	}
	dst := image.NewYCbCr(image.Rect(0, 0, width, height), image.YCbCrSubsampleRatio420)
	w, h := src.Rect.Dx(), src.Rect.Dy()
	mean(plane{dst.Y, dst.YStride, width, height}, plane{src.Y, src.YStride, w, h})
	cw, ch := chroma(src.SubsampleRatio, w, h)
	dw, dh := (width+1)/2, (height+1)/2
	mean(plane{dst.Cb, dst.CStride, dw, dh}, plane{src.Cb, src.CStride, cw, ch})
	mean(plane{dst.Cr, dst.CStride, dw, dh}, plane{src.Cr, src.CStride, cw, ch})
	return dst
}

// chroma is the size of the color planes.
func chroma(r image.YCbCrSubsampleRatio, w, h int) (int, int) {
	switch r {
	case image.YCbCrSubsampleRatio422:
		return (w + 1) / 2, h
	case image.YCbCrSubsampleRatio420:
		return (w + 1) / 2, (h + 1) / 2
	case image.YCbCrSubsampleRatio440:
		return w, (h + 1) / 2
	case image.YCbCrSubsampleRatio411:
		return (w + 3) / 4, h
	case image.YCbCrSubsampleRatio410:
		return (w + 3) / 4, (h + 1) / 2
	}
	return w, h
}

type plane struct {
	pix           []byte
	stride        int
	width, height int
}

// mean fills dst with the mean of the samples of src that each of its own covers, which may be one if src is smaller.
func mean(dst, src plane) {
	sums := make([]uint32, src.width)
	for y := range dst.height {
		top, bottom := span(y, dst.height, src.height)
		clear(sums)
		for row := top; row < bottom; row++ {
			for x, v := range src.pix[row*src.stride:][:src.width] {
				sums[x] += uint32(v)
			}
		}
		line := dst.pix[y*dst.stride:][:dst.width]
		for x := range line {
			left, right := span(x, dst.width, src.width)
			var sum uint32
			for _, v := range sums[left:right] {
				sum += v
			}
			n := uint32((bottom - top) * (right - left)) //nolint:gosec // pixels of a picture
			line[x] = byte((sum + n/2) / n)              //nolint:gosec // the mean of bytes
		}
	}
}

// span is what sample i of n covers of a line of size samples.
func span(i, n, size int) (from, to int) {
	from = i * size / n
	return from, max((i+1)*size/n, from+1)
}

// rotate turns a picture clockwise by 90, 180 or 270 degrees.
func rotate(img image.Image, degrees int) image.Image {
	b := img.Bounds()
	w, h := b.Dx(), b.Dy()
	if degrees == 180 {
		return mapPixels(img, w, h, func(x, y int) (int, int) { return w - 1 - x, h - 1 - y })
	}
	if degrees == 90 {
		return mapPixels(img, h, w, func(x, y int) (int, int) { return y, h - 1 - x })
	}
	return mapPixels(img, h, w, func(x, y int) (int, int) { return w - 1 - y, x })
}

func mapPixels(img image.Image, w, h int, from func(x, y int) (int, int)) image.Image {
	src := img.Bounds().Min
	if in, ok := img.(*image.YCbCr); ok {
		// at full color resolution: whatever the camera's is, rotated it may be one that has no name
		dst := image.NewYCbCr(image.Rect(0, 0, w, h), image.YCbCrSubsampleRatio444)
		for y := range h {
			for x := range w {
				sx, sy := from(x, y)
				i, c := in.YOffset(sx+src.X, sy+src.Y), in.COffset(sx+src.X, sy+src.Y)
				o := y*dst.YStride + x
				dst.Y[o], dst.Cb[o], dst.Cr[o] = in.Y[i], in.Cb[c], in.Cr[c]
			}
		}
		return dst
	}
	dst := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			sx, sy := from(x, y)
			dst.Set(x, y, img.At(sx+src.X, sy+src.Y))
		}
	}
	return dst
}

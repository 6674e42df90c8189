package main

import (
	"bytes"
	"image"
	"image/jpeg"
)

// scenes is how many different pictures there are before they repeat: each is encoded once.
const scenes = 8

// canvas makes JPEGs of a scene in motion, of any size.
type canvas struct {
	width, height, quality int
	n                      int
	made                   [][]byte
}

func (c *canvas) next() (picture, error) {
	n := c.n % scenes
	c.n++
	if n == len(c.made) {
		data, err := c.draw(n)
		if err != nil {
			return picture{}, err
		}
		c.made = append(c.made, data)
	}
	return picture{data: c.made[n], key: true}, nil
}

// draw draws a gradient with some noise, as sensors have it, and a bar that moves.
func (c *canvas) draw(n int) ([]byte, error) {
	img := image.NewYCbCr(image.Rect(0, 0, c.width, c.height), image.YCbCrSubsampleRatio420)
	noise := uint32(n + 1) //nolint:gosec // small by construction
	bar := c.width * n / scenes
	for y := range c.height {
		for x := range c.width {
			noise = noise*1664525 + 1013904223
			luma := byte(x*160/c.width + y*60/c.height + int(noise>>29)) //nolint:gosec // small by construction
			if x >= bar && x < bar+c.width/scenes {
				luma = 235
			}
			img.Y[y*img.YStride+x] = luma
		}
	}
	for i := range img.Cb {
		//nolint:gosec // small by construction
		img.Cb[i], img.Cr[i] = byte(96+i%img.CStride*64/img.CStride), byte(160-i/img.CStride*64/max(1, c.height/2))
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, img, &jpeg.Options{Quality: c.quality}); err != nil {
		return nil, err
	}
	return withJFIF(out.Bytes()), nil
}

// withJFIF puts the header of libjpeg, which rpicam-vid uses, behind the start of image.
func withJFIF(picture []byte) []byte {
	header := []byte{0xff, 0xe0, 0, 16, 'J', 'F', 'I', 'F', 0, 1, 1, 0, 0, 1, 0, 1, 0, 0}
	return append(append(picture[:2:2], header...), picture[2:]...)
}

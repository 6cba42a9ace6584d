package model

import (
	"fmt"

	"github.com/godlas/godlas/dlas/ir"
)

// Prepare does to images what p says and writes them to dst, N x C x (H+2*Pad) x (W+2*Pad), or N x H x W x C for a
// network that has its channels last. dst must have exactly that many elements. All images must have one size. It allocates nothing that grows with them.
func Prepare(p ir.Preprocess, images []ir.Image, dst []float32) error {
	if len(images) == 0 {
		return nil
	}
	c, h, w := images[0].C, images[0].H, images[0].W
	ph, pw := h+2*p.Pad, w+2*p.Pad
	if len(dst) != len(images)*c*ph*pw {
		return ir.Errorf(ir.Model, "%d images of %dx%dx%d take %d numbers, and there is room for %d", len(images), c, ph, pw, len(images)*c*ph*pw, len(dst))
	}
	if len(p.Mean) > 0 && len(p.Mean) != c || len(p.Std) > 0 && len(p.Std) != c {
		return ir.Errorf(ir.Model, "the model's preprocessing is for %d channels, and the images have %d", max(len(p.Mean), len(p.Std)), c)
	}
	step, plane := 1, ph*pw // from one pixel to the next, and from one channel to the next
	if p.NHWC {
		step, plane = c, 1
	}
	for ch := range c {
		table, from := valueTable(p, ch), ch
		if p.BGR && c == 3 {
			from = 2 - ch
		}
		for i, m := range images {
			if m.C != c || m.H != h || m.W != w || len(m.Pix) != c*h*w {
				return ir.Errorf(ir.Model, "image %d is %s, and the first is %dx%dx%d", i, fmt.Sprintf("%dx%dx%d", m.C, m.H, m.W), c, h, w)
			}
			out := dst[i*c*ph*pw+ch*plane:]
			if p.Pad > 0 {
				for j := range ph * pw {
					out[j*step] = table[0]
				}
			}
			for y := range h {
				row := out[((y+p.Pad)*pw+p.Pad)*step:]
				for x, v := range m.Pix[(from*h+y)*w:][:w] {
					row[x*step] = table[v]
				}
			}
		}
	}
	return nil
}

// valueTable is (pixel*Scale - Mean) / Std of one channel for every pixel value.
func valueTable(p ir.Preprocess, ch int) (t [256]float32) {
	scale, mean, std := p.Scale, 0.0, 1.0
	if scale == 0 {
		scale = 1
	}
	if len(p.Mean) > 0 {
		mean = p.Mean[ch]
	}
	if len(p.Std) > 0 {
		std = p.Std[ch]
	}
	for i := range t {
		t[i] = float32((float64(i)*scale - mean) / std)
	}
	return t
}

package data

import (
	"image"
	"image/color"
	"math"

	"github.com/godlas/godlas/dlas/ir"
)

// Fit is how a picture of any size becomes one of a set's: its short side is scaled to Resize pixels, bilinear with
// antialiasing, then the middle H x W are cut out. It is what torchvision's Resize(Resize) and CenterCrop do. Resize 0
// scales to the least size that covers H x W.
type Fit struct{ Resize, H, W int }

// scaled is the size of a picture of w x h after scaling.
func (f Fit) scaled(w, h int) (int, int) {
	short := f.Resize
	if short == 0 {
		if w*f.H <= h*f.W { // the width decides
			return f.W, max(f.H, int(float64(f.W)*float64(h)/float64(w)))
		}
		return max(f.W, int(float64(f.H)*float64(w)/float64(h))), f.H
	}
	if w <= h {
		return short, int(float64(short) * float64(h) / float64(w))
	}
	return int(float64(short) * float64(w) / float64(h)), short
}

// offset is where the middle want of have pixels begin, halves rounded to even as Python does; negative where there are
// too few.
func offset(have, want int) int { return int(math.RoundToEven(float64(have-want) / 2)) }

// Resample makes of a picture an image of c channels (1: grey, 3: red, green, blue) that fits. Where less is left than
// H x W, the rest is black.
func Resample(m image.Image, c int, f Fit) ir.Image {
	b := m.Bounds()
	sw, sh := f.scaled(b.Dx(), b.Dy())
	x0, y0 := offset(sw, f.W), offset(sh, f.H)
	cols := taps(b.Dx(), sw, x0, f.W)
	rows := taps(b.Dy(), sh, y0, f.H)
	first, last := b.Dy(), 0 // source rows that are needed
	for _, t := range rows {
		if len(t.k) > 0 {
			first, last = min(first, t.from), max(last, t.from+len(t.k))
		}
	}
	out := ir.Image{C: c, H: f.H, W: f.W, Pix: make([]uint8, c*f.H*f.W)}
	if first >= last {
		return out
	}
	// Rows first, then columns, with eight bits between, as Pillow has it.
	middle := make([]uint8, c*(last-first)*f.W)
	line := make([]uint8, c*b.Dx())
	read := reader(m, c)
	for y := first; y < last; y++ {
		read(y, line)
		for ch := range c {
			src, dst := line[ch*b.Dx():][:b.Dx()], middle[(ch*(last-first)+y-first)*f.W:][:f.W]
			for x, t := range cols {
				sum := int32(1 << (tapBits - 1))
				for i, k := range t.k {
					sum += int32(src[t.from+i]) * k
				}
				dst[x] = clamp8(sum >> tapBits)
			}
		}
	}
	for ch := range c {
		plane := middle[ch*(last-first)*f.W:][:(last-first)*f.W]
		for y, t := range rows {
			dst := out.Pix[(ch*f.H+y)*f.W:][:f.W]
			for x := range dst {
				sum := int32(1 << (tapBits - 1))
				for i, k := range t.k {
					sum += int32(plane[(t.from-first+i)*f.W+x]) * k
				}
				dst[x] = clamp8(sum >> tapBits)
			}
		}
	}
	return out
}

// tap is the source pixels that one of the result is made of, with their weights in units of 2^-tapBits.
type tap struct {
	from int
	k    []int32
}

const tapBits = 22

// taps are those of the n pixels from at on of size pixels that were in pixels before. A triangle as wide as two source
// pixels, or two of the result's where those are larger, is laid over each.
func taps(in, size, at, n int) []tap {
	ts := make([]tap, n)
	scale := float64(in) / float64(size)
	wide := max(scale, 1)
	for i := range ts {
		x := at + i
		if x < 0 || x >= size {
			continue
		}
		center := (float64(x) + 0.5) * scale
		from, to := max(0, int(center-wide+0.5)), min(in, int(center+wide+0.5))
		k, sum := make([]float64, to-from), 0.0
		for j := range k {
			k[j] = max(0, 1-math.Abs((float64(from+j)-center+0.5)/wide))
			sum += k[j]
		}
		ts[i] = tap{from: from, k: make([]int32, to-from)}
		for j := range k {
			ts[i].k[j] = int32(k[j]/sum*(1<<tapBits) + 0.5)
		}
	}
	return ts
}

func clamp8(v int32) uint8 { return uint8(max(0, min(v, 255))) }

// reader returns what writes row y of a picture, channel by channel. Transparency is dropped.
func reader(m image.Image, c int) func(y int, dst []uint8) {
	b := m.Bounds()
	w := b.Dx()
	put := func(dst []uint8, x int, r, g, bl uint8) {
		if c == 1 {
			// Luma of ITU-R 601, in Pillow's whole numbers.
			dst[x] = uint8((uint32(r)*19595 + uint32(g)*38470 + uint32(bl)*7471 + 0x8000) >> 16)
			return
		}
		dst[x], dst[w+x], dst[2*w+x] = r, g, bl
	}
	switch m := m.(type) {
	case *image.Gray:
		return func(y int, dst []uint8) {
			for ch := range c {
				copy(dst[ch*w:(ch+1)*w], m.Pix[y*m.Stride:])
			}
		}
	case *image.RGBA: // what a PNG without transparency decodes to
		return func(y int, dst []uint8) {
			row := m.Pix[y*m.Stride:]
			for x := range w {
				put(dst, x, row[4*x], row[4*x+1], row[4*x+2])
			}
		}
	case *image.NRGBA:
		return func(y int, dst []uint8) {
			row := m.Pix[y*m.Stride:]
			for x := range w {
				put(dst, x, row[4*x], row[4*x+1], row[4*x+2])
			}
		}
	case *image.YCbCr:
		return func(y int, dst []uint8) {
			for x := range w {
				i, j := m.YOffset(b.Min.X+x, b.Min.Y+y), m.COffset(b.Min.X+x, b.Min.Y+y)
				r, g, bl := color.YCbCrToRGB(m.Y[i], m.Cb[j], m.Cr[j])
				put(dst, x, r, g, bl)
			}
		}
	}
	return func(y int, dst []uint8) {
		for x := range w {
			p := color.NRGBAModel.Convert(m.At(b.Min.X+x, b.Min.Y+y)).(color.NRGBA)
			put(dst, x, p.R, p.G, p.B)
		}
	}
}
